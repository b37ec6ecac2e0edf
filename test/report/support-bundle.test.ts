/** Every kind of secret is planted, and none comes out. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadConfig } from '../../src/config/load.ts';
import { Secret } from '../../src/otp/secret.ts';
import { scrub } from '../../src/report/scrub.ts';
import { supportBundle } from '../../src/report/support-bundle.ts';
import { privateDirectory, put } from '../config/place.ts';
import { goodSight } from '../doctor/proxy-facts.ts';
import { codes, enrol } from '../offline/prepare.ts';

const now = Date.UTC(2026, 0, 5, 12);

t.test('of all that is secret on a host nothing gets into the bundle, and what helps does', async t => {
  const directory = privateDirectory(t);
  const state = join(directory, 'state');
  mkdirSync(state, { mode: 0o700 });
  const code = await enrol(state);
  const recovery = (await codes(state)).map(one => one.expose());
  const auditFile = join(directory, 'audit.log');
  const decision = {
    time: new Date(now - 1000).toISOString(),
    event: 'decision',
    attempt: '01JABC',
    account: 'alice',
    decision: 'deny',
    reason: 'server-unavailable',
    command: 'mysql -pplanted-command-password',
    detail: `otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ rc-abcde-fghjk-mnpqr planted-service-key GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ`,
  };
  writeFileSync(auditFile, `${JSON.stringify(decision)}\n`);
  const config = put(
    join(directory, 'agent.toml'),
    `# planted-comment-password
trasaServerURL = "https://127.0.0.1:1"
serviceID = "id-1"
serviceKey = "planted-service-key"
httpProxy = "http://planted-user:planted%2Fproxy%2Fpassword@127.0.0.1:1"
connectTimeout = 1
[daemon]
stateDirectory = "${state}"
auditFile = "${auditFile}"
socket = "${directory}/agent.sock"
[identity.people]
alice = "alice@example.com"
`,
  );
  process.env['PLANTED'] = 'planted-environment';
  const loaded = loadConfig(config);
  t.equal(loaded.kind, 'loaded');
  const bundle = await supportBundle(loaded, 'trasa-agent 0', now);
  for (const planted of [
    'planted',
    'proxy/password',
    'proxy%2Fpassword',
    'GEZDGNBVGY3TQOJQ',
    'otpauth',
    'rc-abcde',
    'mysql',
    ...recovery,
    code(now).expose(),
  ])
    t.notOk(bundle.includes(planted), planted);
  for (const useful of [
    /^trasa-agent 0$/m,
    /"serviceID": "id-1"/,
    /"alice": "alice@example\.com"/,
    /01JABC/,
    /offline\.key$/m,
  ])
    t.match(bundle, useful);
  t.match(bundle, /^100600 \d+:\d+ \d+ \S+ .*offline\.json$/m);
});

t.test(
  'of the proxy, too: its values, its log and the names of recordings, and nothing that is secret or recorded',
  async t => {
    const directory = privateDirectory(t);
    const recordings = join(directory, 'recordings');
    mkdirSync(recordings, { mode: 0o700 });
    const name = '01JD0000000000000000000000-1.cast';
    writeFileSync(join(recordings, name), 'planted-output');
    const auditFile = join(directory, 'audit.log');
    const line = { time: new Date(now - 1000).toISOString(), attempt: '01JABC', account: 'root' };
    const events = [
      { ...line, event: 'decision', decision: 'deny', reason: 'not-assigned', detail: 'planted-service-key-of-web1' },
      { ...line, event: 'channel-start', kind: 'exec', command: 'mysql -pplanted-command-password' },
    ];
    writeFileSync(auditFile, events.map(event => `${JSON.stringify(event)}\n`).join(''));
    const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea';
    const service = `accounts = ["root"]\nhostKey = "${hostKey}"\nserviceID = "id-2"\n`;
    const config = put(
      join(directory, 'proxy.toml'),
      `# planted-comment
trasaServerURL = "https://127.0.0.1:1"
serviceID = "id-1"
serviceKey = "planted-service-key"
[proxy]
stateDirectory = "${directory}"
recordDirectory = "${recordings}"
auditFile = "${auditFile}"
[proxy.services.web1]
address = "10.0.0.5"
${service}serviceKey = "planted-service-key-of-web1"
[proxy.services.db1]
address = "10.0.0.7"
${service}serviceKey = "planted-service-key-of-db1"
via = "web1"
viaAccount = "root"
`,
    );
    const loaded = loadConfig(config, undefined, 'proxy');
    t.equal(loaded.kind, 'loaded');
    const pin = {
      service: 'web1',
      address: '10.0.0.5:22',
      state: 'pinned',
      key: 'SHA256:x',
      since: '2026',
      by: 'alice',
    };
    const standing = { source: config, problems: [], warnings: [], unseen: null, sight: null };
    const ofDaemon = loadConfig(join(directory, 'none.toml'));
    const bundle = await supportBundle(ofDaemon, 'trasa-agent 0', now, { loaded, standing });
    t.notMatch(bundle, /planted|mysql/);
    for (const useful of [
      new RegExp(`"hostKeys": \\[\\s+"${hostKey.replaceAll('+', '\\+')}"`),
      /"via": "root@web1"/,
      /"host": "10\.0\.0\.7"/,
      new RegExp(`^== recordings\\n${name} 14 bytes$`, 'm'),
      /^01JABC not-assigned: \[struck out\]$/m,
    ])
      t.match(bundle, useful);
    const withPins = { ...standing, sight: { ...goodSight, hostKeys: [pin] } };
    t.match(
      await supportBundle(ofDaemon, 'trasa-agent 0', now, { loaded, standing: withPins }),
      /^== keys of hosts\nweb1 10\.0\.0\.5:22 pinned SHA256:x since 2026 by alice$/m,
    );
  },
);

t.test('without a configuration there is a bundle too, and nothing of the file in it', async t => {
  const file = put(
    join(privateDirectory(t), 'agent.toml'),
    'serviceKye = "planted-service-key"\nserviceKey = planted\n',
  );
  const bundle = await supportBundle(loadConfig(file), 'trasa-agent 0', now);
  t.match(bundle, /^== status: configuration \(NOT WELL\)$/m);
  t.notMatch(bundle, /planted/);
});

t.test('what looks like a secret is struck out, whosever it is', async t => {
  const secrets = [
    '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----',
    '-----BEGIN PRIVATE KEY-----\ncut off',
    'otpauth://totp/a?secret=ABC',
    'rc-00000-00000-0020V',
    'RC00000000000020V',
    'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
    'https://user:hunter2@proxy.example.com',
    'Authorization: Basic aHVudGVyMg==',
    'password=hunter2',
    '"totpCode":"123456"',
    'serviceKey = "hunter2"',
    'token: hunter2',
  ];
  for (const secret of secrets) {
    const scrubbed = scrub(`before ${secret} after`, []);
    t.match(scrubbed, /^before [^]*\[struck out\]/, secret);
    t.notMatch(scrubbed, /hunter2|b3Bl|cut off|ABC|0020V|GEZD|123456|aHVu/i, secret);
  }
  const plain = 'alice 192.0.2.7 wrong-code 01JD0000000000000000000000 SHA256 https://trasa.example.com rc-local';
  t.equal(scrub(plain, [new Secret('abc')]), plain, 'and what does not, is left');
  t.equal(
    scrub('x a"b/c y a\\"b/c z a%22b%2Fc', [new Secret('a"b/c')]),
    'x [struck out] y [struck out] z [struck out]',
  );
});
