/** doctor, status and support-bundle at a proxy on which all is well, and at one on which one thing is wrong at a time. */
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { answering, configFile, recordings, startProxySite, stateDirectory } from '../helpers/e2e/proxy.ts';

privateHost(t);

const site = await startProxySite(['alice'], { service: 'record = true' });
t.teardown(async () => await site.stop());
const { uid, gid } = statSync(stateDirectory);
/** As it listens: the doctor goes by the configuration. */
const config = readFileSync(configFile, 'utf8').replace('127.0.0.1:0', `127.0.0.1:${site.proxy.port}`);
writeFileSync(configFile, config);

interface Finding {
  readonly id: string;
  readonly what: string;
  readonly evidence: readonly string[];
}

async function doctor(...words: readonly string[]): Promise<{ status: number | null; findings: readonly Finding[] }> {
  const { status, stdout, stderr } = await run([agent, 'doctor', '--json', ...words]);
  if (stderr !== '') throw new Error(`status ${status}: ${stderr}`);
  return { status, ...(JSON.parse(stdout) as { findings: readonly Finding[] }) };
}

t.test('where all is well nothing is found, by whoever types no more than the command', async t => {
  const login = await answering(['ssh', ...site.proxy.flags(site.keys.alice), 'alice@web1@proxy', 'id -un'], {
    OTP: site.members.alice.code(),
  });
  t.match(login, { status: 0, stdout: 'alice\n' });
  t.match(await run([agent, 'doctor']), {
    status: 0,
    stdout: 'nothing found (looked at: the access proxy with 1 service)\n',
    stderr: '',
  });
  t.strictSame(await doctor('--proxy', '--config', configFile), await doctor('--offline'));
});

t.test('each thing that is wrong is found, and nothing else', async t => {
  const rewrite = (from: string | RegExp, to: string): (() => void) => {
    const text = config.replace(from, to);
    if (text === config) throw new Error(`${String(from)} is not in it`);
    return () => writeFileSync(configFile, text);
  };
  const restoreConfig = (): void => writeFileSync(configFile, config);
  const journal = (sql: string): void => {
    const database = new DatabaseSync(`${stateDirectory}/recordings.db`);
    database.exec(sql);
    database.close();
  };
  const stories: readonly (readonly [id: string, what: RegExp, spoil: () => void, mend: () => void])[] = [
    [
      'proxy-config',
      /^trasa-proxy\.toml: cannot be read by user id \d/, // root can
      () => chmodSync(configFile, 0o600),
      () => chmodSync(configFile, 0o640),
    ],
    [
      'proxy-silent',
      /is not answered by the proxy: somebody else answers there: SSH-2\.0-OpenSSH/,
      rewrite(`127.0.0.1:${site.proxy.port}`, `127.0.0.1:${site.upstream.port}`),
      restoreConfig,
    ],
    [
      'state-unwritable',
      /can be entered by others.*while the proxy cannot remember/,
      () => chmodSync(stateDirectory, 0o755),
      () => chmodSync(stateDirectory, 0o700),
    ],
    [
      'proxy-journal',
      /does not hold: line 2 is not/,
      () => journal(`UPDATE line SET text = replace(text, 'event', 'evenT') WHERE number = 2`),
      () => journal(`UPDATE line SET text = replace(text, 'evenT', 'event') WHERE number = 2`),
    ],
    [
      'server-refuses',
      /does not accept service web1 of the proxy/,
      rewrite('record = true', 'record = true\nserviceID = "0"\nserviceKey = "another"'),
      restoreConfig,
    ],
  ];
  for (const [id, what, spoil, mend] of stories) {
    spoil();
    const { findings } = await doctor();
    mend();
    t.strictSame([...new Set(findings.map(one => one.id))], [id], `${id}: ${JSON.stringify(findings)}`);
    t.match(findings[0]?.what, what);
  }
  t.match(await doctor(), { status: 0, findings: { length: 0 } }, 'and all of it is mended');
});

t.test('status says how it stands, in short', async t => {
  const { status, stdout } = await run([agent, 'status']);
  t.equal(status, 0, stdout);
  t.match(stdout, /^proxy\n {2}\/etc\/trasa\/trasa-proxy\.toml is valid\n {2}runs since 20/);
  t.match(stdout, /\n {2}no sessions, \d+ workers?\n {2}1 service\n/);
  t.match(stdout, /\n {2}no approvals waiting, no host keys waiting, 0 held off after failures\n/);
  t.match(stdout, /\n {2}user CA SHA256:\S+ signs since 20/);
  t.notMatch(stdout, /daemon/);
  const json = JSON.parse((await run([agent, 'status', '--json'])).stdout) as Record<string, unknown>;
  t.match(json, { proxy: { isWell: true, standing: { sight: { running: { kind: 'answers', sessions: 0 } } } } });
});

t.test('the bundle has its values, log and recordings by name, and no secret', async t => {
  const { status, stdout } = await run([agent, 'support-bundle']);
  t.equal(status, 0);
  for (const useful of [
    /^== status: proxy$/m,
    /"hostKeys": \[\s+"ssh-ed25519 AAAA/,
    /"SHA256:\S+": "alice@example\.com"/,
    /^== recordings\n01\S+ \d+ bytes$/m,
  ])
    t.match(stdout, useful);
  const key = /serviceKey = "([^"]*)"/.exec(config)?.[1] ?? '';
  t.ok(key.length > 10);
  for (const secret of [key, 'a passphrase for tests', 'id -un']) t.notOk(stdout.includes(secret), secret);
  const [name = ''] = /01\S+(?= \d+ bytes)/.exec(stdout) ?? [];
  t.match(readFileSync(`${recordings}/${name}`, 'utf8'), /alice/, 'of which nothing is there but the name');
});

t.test('when it does not run, that is found; and the server, when it is away', async t => {
  await site.proxy.process.stop();
  t.match(await doctor('--offline'), {
    status: 2,
    findings: [{ id: 'proxy-silent', what: /ECONNREFUSED/ }],
  });
  t.match(await run([agent, 'status']), {
    status: 1,
    stdout: /^proxy \(NOT WELL\)\n[^]*does not run, or does not answer/,
  });
  await site.server.stop();
  const { findings } = await doctor();
  t.strictSame(
    findings.map(({ id }) => id),
    ['server-unreachable', 'proxy-silent'],
  );
});

t.test('it is for root and the user of the proxy', async t => {
  const asked = await run([agent, 'proxy', 'status'], { uid: 20_000, gid: 20_000, cwd: '/' });
  t.match(asked, { status: 1 });
  const own = await run([agent, 'proxy', 'status'], { uid, gid, cwd: '/' });
  t.match(own, { status: 1, stdout: /does not run, or does not answer/ });
});
