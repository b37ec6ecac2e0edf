import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import t from 'tap';
import type { AgentConfig, LoadedConfig, Problem } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { asUser, needsRoot, privateDirectory, put } from './place.ts';

const fixture = (name: string) =>
  readFileSync(new URL(`../fixtures/config/valid/${name}.toml`, import.meta.url), 'utf8');
const minimal = fixture('minimal');

t.test('a minimal file has the documented defaults for the rest', async t => {
  const file = put(`${privateDirectory(t)}/agent.toml`, minimal);
  const { config, warnings } = accepted(loadConfig(file));
  t.strictSame(warnings, []);
  t.equal(config.server.serviceKey.expose(), 'never-shown-7ba94f');
  t.match(config.server.urls.map(String), ['https://trasa.example.com/']);
  t.match(config, {
    source: file,
    server: {
      serviceID: 'host-1',
      ca: undefined,
      pins: [],
      insecureSkipVerify: false,
      httpProxy: undefined,
      connectTimeoutMs: 5_000,
      tlsTimeoutMs: 5_000,
      responseTimeoutMs: 10_000,
      pushTimeoutMs: 65_000,
    },
    policy: {
      requiredUsers: [],
      exemptGroups: [],
      attempts: 3,
      autopush: false,
      codeDigits: 6,
      replayMemoryMs: 300_000,
      pushCooldownMs: 60_000,
      graceMs: 0,
      observe: false,
      failMode: 'secure',
      failSafeOn: ['unreachable', 'timeout'],
      offlineUsers: [],
    },
    identity: { domain: '' },
    throttle: { accountFreeTries: 5, addressFreeTries: 20, firstHoldMs: 30_000, maxHoldMs: 900_000 },
    daemon: {
      socket: '/run/trasa-agent/agent.sock',
      stateDirectory: '/var/lib/trasa-agent',
      auditFile: '',
      maxLogins: 256,
      loginTimeoutMs: 110_000,
    },
    login: { motd: false, record: false, recordDirectory: '/var/lib/trasa-agent/recordings', sftpServer: '' },
    debug: false,
  });
});

t.test('fail-safe covers no trouble that whoever logs in can cause, unless that is written out', async t => {
  const text = `${minimal}[policy]\nfailMode = "safe"\n`;
  const file = `${privateDirectory(t)}/agent.toml`;
  t.strictSame(accepted(loadConfig(put(file, text))).config.policy.failSafeOn, ['unreachable', 'timeout']);
  const written = put(file, `${text}failSafeOn = ["rate-limited"]\n`);
  t.strictSame(accepted(loadConfig(written)).config.policy.failSafeOn, ['rate-limited']);
});

t.test('to observe has to be written out, and is warned of', async t => {
  const file = `${privateDirectory(t)}/agent.toml`;
  const { config, warnings } = accepted(loadConfig(put(file, `${minimal}[policy]\nobserve = "let-everybody-in"\n`)));
  t.equal(config.policy.observe, true);
  t.match(warnings, [{ text: 'nobody is asked for a second factor: this host only logs what would happen' }]);
  t.equal(accepted(loadConfig(put(file, `${minimal}[policy]\nobserve = "no"\n`))).config.policy.observe, false);
});

t.test('every option reaches its place', async t => {
  const { config, warnings } = accepted(loadConfig(put(`${privateDirectory(t)}/agent.toml`, fixture('everything'))));
  t.equal(warnings.length, 2, 'observe and offlineUsers are warned of');
  t.strictSame(config.server.urls.map(String), ['https://trasa1.example.com/', 'https://trasa2.example.com:8443/']);
  const slashes = `${'/'.repeat(41)}wI=`;
  t.strictSame(
    config.server.pins,
    [`${'A'.repeat(43)}=`, `${'AQEB'.repeat(10)}AQE=`, slashes, slashes],
    'pins are bare base64, whatever was written before them',
  );
  t.equal(config.server.httpProxy?.port, '3128');
  t.strictSame(
    [...config.identity.people],
    [
      ['root', 'alice@example.com'],
      ['__proto__', 'mallory@example.com'],
    ],
  );
  t.strictSame([...config.identity.keys.values()], ['bob']);
  const { urls: _u, httpProxy: _h, serviceKey: _k, pins: _p, ...server } = config.server;
  const { people: _pe, keys: _ke, ...identity } = config.identity;
  t.strictSame(
    { ...config, source: '', server, identity },
    {
      source: '',
      server: {
        serviceID: 'host-1',
        ca: undefined,
        insecureSkipVerify: false,
        connectTimeoutMs: 1_000,
        tlsTimeoutMs: 2_000,
        responseTimeoutMs: 3_000,
        pushTimeoutMs: 70_000,
      },
      policy: {
        requiredUsers: ['alice'],
        requiredGroups: ['domain users'],
        exemptUsers: ['backup'],
        exemptGroups: ['robots'],
        attempts: 1,
        autopush: true,
        codeDigits: 8,
        replayMemoryMs: 600_000,
        pushCooldownMs: 0,
        graceMs: 3_600_000,
        observe: true,
        failMode: 'safe',
        failSafeOn: ['unreachable', 'timeout'],
        offlineUsers: ['root'],
      },
      identity: { domain: 'example.com' },
      throttle: { accountFreeTries: 1, addressFreeTries: 2, firstHoldMs: 3_000, maxHoldMs: 4_000 },
      daemon: {
        socket: '/run/other/agent.sock',
        stateDirectory: '/srv/state',
        auditFile: '/var/log/trasa/audit.log',
        maxLogins: 4,
        loginTimeoutMs: 90_000,
        proxyTrust: { caKeys: [], revokedKeys: '' },
      },
      login: { motd: true, record: true, recordDirectory: '/srv/recordings', sftpServer: '/usr/lib/sftp-server' },
      proxy: {
        listen: { host: '127.0.0.1', port: 2222 },
        stateDirectory: '/srv/proxy',
        auditFile: '/srv/proxy.log',
        caDirectory: '/srv/ca',
        caPassphraseFile: '/etc/trasa/ca.passphrase',
        caAgent: '/run/ca-agent/socket',
        recordDirectory: '/srv/proxy-recordings',
        recordingDays: 90,
        certificateSeconds: 60,
        sourceAddress: '192.0.2.0/24',
        loginTimeoutMs: 30_000,
        maxStartups: 20,
        maxStartupsPerAddress: 5,
        penaltyExempt: '10.0.0.0/8',
        workers: 3,
        proxyProtocolFrom: '10.0.0.10',
        maxSessions: 7,
        drainMs: 60_000,
        metrics: { host: '127.0.0.1', port: 9822 },
        keys: new Map([['SHA256:ZrwWQCUOXMY4t5WRCmYC0hOcHVcFz2eGDGHrPIHCqf0', 'bob']]),
        services: new Map(), // proxy-services.test.ts
        entry: { groups: new Map(), rules: [] }, // entry-options.test.ts
        catalogue: true,
        catalogueMaxAgeMs: 7_200_000,
        systemCAs: [], // proxy-services.test.ts
      },
      debug: true,
    },
  );
});

t.test('a configuration that is printed does not show the key', async t => {
  const { config } = accepted(loadConfig(put(`${privateDirectory(t)}/agent.toml`, minimal)));
  t.notMatch(inspect(config, { depth: 9, showHidden: true }), /never-shown/);
  t.notMatch(JSON.stringify(config), /never-shown/);
});

t.test('what weakens the host is warned of', async t => {
  const { config, warnings } = accepted(loadConfig(put(`${privateDirectory(t)}/agent.toml`, fixture('warned-of'))));
  t.match(warnings, [
    { line: 4, text: /certificate of the server is not verified/ },
    { line: 5, text: /pushTimeout is under 61 seconds/ },
    { line: 6, text: /2 offlineUsers enter without a second factor/ },
  ]);
  t.equal(warnings.length, 3);
  t.strictSame(config.policy.offlineUsers, ['root', 'backup']);
});

t.test('the file of the original PAM module works as it is', async t => {
  const original = put(`${privateDirectory(t)}/trasapam.toml`, fixture('original'), 0o644);
  const { config, warnings } = accepted(loadConfig(original));
  t.equal(config.server.serviceKey.expose(), '0123456789abcdef0123456789abcdef01');
  t.equal(config.server.serviceID, '4b8f0d5c-2f0a-4f39-9c51-7f2f3f0f9f11');
  t.match(config.server.urls.map(String), ['https://app.trasa/']);
  t.match(warnings, [
    { line: 4, text: 'serviceKey is in a file that everyone can read (mode 0644)', hint: /^chmod o-r/ },
  ]);

  const withSections = put(`${privateDirectory(t)}/trasapam.toml`, `${fixture('original')}[policy]\nattempts = 2\n`);
  const extended = accepted(loadConfig(withSections));
  t.equal(extended.config.policy.attempts, 2, 'and sections of ours may follow');
  t.strictSame(extended.warnings, [], 'no warning once not everyone can read it');
});

t.test('our own file is refused if everyone can read a secret in it', async t => {
  const directory = privateDirectory(t);
  const withKey = put(`${directory}/key.toml`, minimal, 0o644);
  t.match(refused(loadConfig(withKey)), [
    {
      file: withKey,
      line: 3,
      text: 'serviceKey is in a file that everyone can read (mode 0644)',
      hint: `chmod o-r ${withKey}`,
    },
  ]);

  const key = put(`${directory}/service.key`, 'never-shown\n', 0o600);
  const rest = minimal.replace(/^serviceKey .*$/m, `serviceKeyFile = "${key}"`);
  t.equal(accepted(loadConfig(put(`${directory}/agent.toml`, rest, 0o644))).config.server.serviceKey.length, 11);

  const proxy = 'httpProxy = "http://me:never-shown@proxy.example.com:3128"\n';
  t.match(refused(loadConfig(put(`${directory}/proxy.toml`, rest + proxy, 0o644))), [
    { line: 4, text: /^httpProxy is in/ },
  ]);
  const noPassword = proxy.replace('me:never-shown@', '');
  accepted(loadConfig(put(`${directory}/proxy.toml`, rest + noPassword, 0o644)));
});

t.test('a key file must hold a key and be safe itself', async t => {
  const directory = privateDirectory(t);
  const key = `${directory}/service.key`;
  const file = put(`${directory}/agent.toml`, minimal.replace(/^serviceKey .*$/m, `serviceKeyFile = "${key}"`));
  t.match(refused(loadConfig(file)), [{ file, line: 3, text: `serviceKeyFile ${key} does not exist` }]);
  put(key, 'never-shown\n', 0o644);
  t.match(refused(loadConfig(file)), [
    { line: 3, text: /holds a secret and can be read by everyone/, hint: /^chmod o-r/ },
  ]);
  put(key, 'never-shown\nagain\n', 0o640);
  t.match(refused(loadConfig(file)), [{ line: 3, text: /must hold the key and nothing else/ }]);
  put(key, '\n', 0o640);
  t.match(refused(loadConfig(file)), [{ line: 3, text: /must hold the key and nothing else: it is empty/ }]);
  put(key, 'never-shown', 0o640);
  t.equal(accepted(loadConfig(file)).config.server.serviceKey.expose(), 'never-shown');
});

t.test('a CA file must hold certificates', async t => {
  const directory = privateDirectory(t);
  const ca = `${directory}/ca.pem`;
  const file = put(`${directory}/agent.toml`, `${minimal}caFile = "${ca}"\n`);
  t.match(refused(loadConfig(file)), [{ line: 4, text: `caFile ${ca} does not exist` }]);
  put(ca, 'no certificate', 0o644);
  t.match(refused(loadConfig(file)), [{ line: 4, text: /holds no certificate in PEM/ }]);
  const good = selfSigned();
  put(ca, `${good}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`, 0o644);
  t.match(refused(loadConfig(file)), [{ line: 4, text: /certificate 2 in .* cannot be decoded/ }]);
  put(ca, good, 0o644);
  t.equal(accepted(loadConfig(file)).config.server.ca, good);
  put(ca, good, 0o666);
  t.match(refused(loadConfig(file)), [{ line: 4, text: /can be written by others/ }]);
});

t.test('without a path, our own file comes before the original one', async t => {
  const directory = privateDirectory(t);
  const ours = `${directory}/trasa-agent.toml`;
  const original = `${directory}/config/trasapam.toml`;
  const load = () => loadConfig(undefined, [ours, original]);

  t.match(refused(load()), [{ file: ours, text: /does not exist/ }], 'with neither, ours is missed');
  put(original, fixture('original'), 0o640);
  t.equal(accepted(load()).config.source, original, 'the original one serves if ours does not exist');
  put(ours, 'debug = ', 0o640);
  t.match(refused(load()), [{ file: ours, line: 1, text: /syntax error/ }], 'a broken one of ours is not passed over');
  put(ours, minimal, 0o666);
  t.match(refused(load()), [{ file: ours, text: /can be written by others/ }], 'nor is an unsafe one');
  put(ours, minimal, 0o640);
  t.equal(accepted(load()).config.source, ours);
});

t.test('a file that cannot be read is said to be just that', { skip: needsRoot }, async t => {
  const file = put(`${privateDirectory(t)}/agent.toml`, minimal, 0o600);
  t.match(
    asUser(65534, () => refused(loadConfig(file))),
    [{ file, text: /cannot be read by user id 65534/ }],
  );
});

t.test('a file in UTF-16 is told from one with a syntax error', async t => {
  const file = put(`${privateDirectory(t)}/agent.toml`, Buffer.from(`\uFEFF${minimal}`, 'utf16le'));
  t.match(refused(loadConfig(file)), [{ line: 1, text: 'is not UTF-8 text' }]);
});

t.test('line ends of Windows and a byte order mark do no harm', async t => {
  const file = put(`${privateDirectory(t)}/agent.toml`, `\uFEFF${minimal.replaceAll('\n', '\r\n')}attempts = 3\r\n`);
  t.match(refused(loadConfig(file)), [{ line: 4, text: 'unknown option attempts' }]);
});

t.test('lines are right after strings and lists of several lines', async t => {
  const text = `${minimal}offlineUsers = [\n  "a = b", # "c"\n]\ncaFile = """\nx = 1\n[y]\n"""\nnone = 1\npolicy.nothing = 2\n`;
  const problems = refused(loadConfig(put(`${privateDirectory(t)}/agent.toml`, text)));
  t.match(problems, [
    { line: 7, text: /^caFile/ },
    { line: 11, text: 'unknown option none' },
    { line: 12, text: 'unknown option nothing in [policy]' },
  ]);
});

t.test('a file with thousands of mistakes is answered with a hundred', async t => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `option${i} = 1`);
  const problems = refused(loadConfig(put(`${privateDirectory(t)}/agent.toml`, minimal + lines.join('\n'))));
  t.equal(problems.length, 100);
});

function accepted(loaded: LoadedConfig): { config: AgentConfig; warnings: readonly Problem[] } {
  if (loaded.kind === 'loaded') return loaded;
  throw new Error(`refused: ${inspect(loaded.problems)}`);
}

function refused(loaded: LoadedConfig): readonly Problem[] {
  if (loaded.kind === 'broken') return loaded.problems;
  throw new Error('accepted');
}

function selfSigned(): string {
  const request =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=test -days 2';
  return execFileSync('openssl', request.split(' '), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}
