/** CAs whose key is on a PKCS #11 token, reached by an ssh-agent of our own: by the commands, the server and the proxy. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { initCaOutside, openAuthority } from '../../src/ca/authority.ts';
import { closeTokens, keyOfToken } from '../../src/ca/token.ts';
import { signUserKey } from '../../src/ca/user-certificate.ts';
import { standardConfig } from '../../src/config/standard-config.ts';
import { Secret } from '../../src/otp/secret.ts';
import { openCertifier } from '../../src/proxy/certifier.ts';
import { caPassphrase, ServerCas } from '../../src/server/server-cas.ts';
import type { PublicKey } from '../../src/ssh/public-key.ts';
import { until } from '../helpers/e2e/until.ts';
import { newPair, noon } from '../ssh/authority.ts';
import { describe, folder, makeKey } from '../ssh/openssh.ts';
import { newDirectory, valueOf } from './ca.ts';
import { noSoftHsm, softHsm, softToken } from './soft-hsm.ts';

const mute = { info: () => {}, error: () => {} };

if (noSoftHsm !== false) t.plan(0, noSoftHsm);
else {
  const pin = '739152846';
  const token = softToken(pin);
  Object.assign(process.env, token.env);
  token.addKey('01', 'rsa');
  const here = folder();
  const pinFile = join(here, 'pin');
  writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 });
  const program = join(import.meta.dirname, '../../src/main.ts');
  const ca = (...words: string[]) =>
    spawnSync(process.execPath, [program, 'ca', ...words, '--passphrase-file', pinFile], { encoding: 'utf8' });
  const folders = (): string[] => globSync(join(tmpdir(), 'trasa-token-*'));
  const foldersBefore = folders();
  let first: PublicKey;
  let second: PublicKey;

  t.afterEach(async () => await closeTokens());

  t.test('the commands make CAs with it, certify people and hosts, and rotate to its other key', async t => {
    first = valueOf(await keyOfToken(softHsm, new Secret(pin)));
    await closeTokens();
    const directory = newDirectory();
    t.match(ca('init', '--pkcs11', softHsm, '--ca', directory), { status: 64, stderr: /one key is not both CAs/ });
    const made = ca('init', '--user', '--pkcs11', softHsm, '--ca', directory);
    t.match(made, { status: 0, stdout: /^made the user CA: ssh-rsa SHA256:\S+, on the token\n$/ }, made.stderr);
    t.notMatch(readFileSync(join(directory, 'ssh-user-ca.key'), 'utf8'), /sealed|PRIVATE/);

    token.addKey('02', 'ec');
    const both = ca('init', '--host', '--pkcs11', softHsm, '--ca', directory);
    t.match(both, {
      status: 1,
      stderr: /its token has ecdsa-sha2-nistp256 SHA256:.*, ssh-rsa SHA256:.*; say which by --agent-key/,
    });
    const lines = execFileSync('ssh-keygen', ['-D', softHsm], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ecdsa = join(here, 'ecdsa.pub');
    writeFileSync(ecdsa, /^ecdsa.*$/m.exec(lines)?.[0] ?? '');
    const host = ca('init', '--host', '--pkcs11', softHsm, '--agent-key', ecdsa, '--ca', directory);
    t.match(host, { status: 0, stdout: /^made the host CA: ecdsa-sha2-nistp256 / }, host.stderr);
    second = valueOf(openAuthority(directory)).keys.host?.publicKey ?? first;

    const key = makeKey(join(here, 'key')).path;
    const [user, web1] = [join(here, 'user-cert.pub'), join(here, 'web1-cert.pub')];
    t.match(ca('sign-user', `${key}.pub`, '--principal', 'alice', '--ca', directory, '--output', user), { status: 0 });
    t.match(describe(user), { algorithm: 'rsa-sha2-512', principals: ['alice'] });
    t.match(ca('host-cert', 'web1', '--key', `${key}.pub`, '--ca', directory, '--output', web1), { status: 0 });
    t.match(describe(web1), { algorithm: 'ecdsa-sha2-nistp256', principals: ['web1'] });
    const next = ['--pkcs11', softHsm, '--agent-key', ecdsa, '--ca', directory];
    t.match(ca('rotate', 'start', 'user', ...next), { status: 0, stdout: /^made the next user CA: ecdsa/ });
  });

  t.test('the PIN stands in no command line and no environment, and what was started ends with us', async t => {
    const code = `
      import { execFileSync } from 'node:child_process';
      import { readFileSync, writeSync } from 'node:fs';
      import { keyOfToken } from '${new URL('../../src/ca/token.ts', import.meta.url).href}';
      import { readPassphrase } from '${new URL('../../src/ca/passphrase.ts', import.meta.url).href}';
      const pin = readPassphrase(${JSON.stringify(pinFile)}).value;
      await keyOfToken(${JSON.stringify(softHsm)}, pin);
      const everything = 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; true';
      const seen = execFileSync('sh', ['-c', everything], { maxBuffer: 1e8 }).toString('latin1');
      const [child] = readFileSync('/proc/thread-self/children', 'utf8').split(' ');
      const folders = seen.replaceAll('\\0', ' ').match(/\\/\\S*trasa-token-\\w{6}/g);
      writeSync(1, JSON.stringify({ folders, isPinSeen: seen.includes(pin.expose()), child }));
      process.kill(process.pid, 'SIGKILL');`;
    const killed = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      maxBuffer: 1e8,
    });
    t.equal(killed.signal, 'SIGKILL', killed.stderr);
    const { child, ...seen } = JSON.parse(killed.stdout) as { child: string; folders: string[]; isPinSeen: boolean };
    const [left = ''] = folders().filter(path => !foldersBefore.includes(path));
    t.ok(seen.folders.includes(left), 'the agent was there');
    t.notOk(seen.isPinSeen);
    // OpenSSH's agent then ends by itself: it looks every ten seconds whether the program that it runs is there.
    await until('the program that keeps the agent alive to end', () => !existsSync(`/proc/${child}`));
    rmSync(left, { recursive: true });
  });

  t.test('what is refused is said, and a wrong PIN is tried once', async t => {
    const wrong = await keyOfToken(softHsm, new Secret('0000'));
    t.match(wrong, { kind: 'refused', text: /shows no key: the PIN is wrong, or there is no token/ });
    t.strictSame(await keyOfToken(softHsm, new Secret(pin)), wrong, 'until the process ends');
    await closeTokens();
    t.match(await keyOfToken('/no/such.so', new Secret(pin)), { kind: 'refused', text: /^\/no\/such\.so: ENOENT/ });
    for (const bad of ['relative.so', '/usr/lib/*', '/a,/b'])
      t.match(await keyOfToken(bad, new Secret(pin)), { kind: 'config', text: /absolute path of a PKCS #11 module/ });
    await closeTokens();
    t.match(await keyOfToken(softHsm, new Secret(pin), newPair().key), {
      kind: 'refused',
      text: /its token has ecdsa-sha2-nistp256/,
    });
  });

  t.test('the server and the proxy sign by it', async t => {
    const state = folder();
    const directory = join(state, 'ca');
    valueOf(initCaOutside(directory, 'user', first, { kind: 'token', provider: softHsm }));
    const passphrase = caPassphrase(Buffer.alloc(32));
    const terms = { principals: ['alice'], forSeconds: 300, extensions: [] };
    const sign = async (cas: ServerCas) =>
      await cas.issue('user', async issuer => await signUserKey(issuer, newPair().key, 'x', terms, noon));
    t.match(await sign(new ServerCas(state, passphrase)), { kind: 'config', text: /no --ca-pin-file was named/ });
    t.match(await sign(new ServerCas(state, passphrase, { pinFile })), { kind: 'done', value: { serial: 1n } });

    const settings = { ...standardConfig().proxy, caDirectory: directory };
    t.match(await openCertifier(settings, () => noon, mute), /proxy\.caPassphraseFile is not set/);
    await closeTokens();
    const wrongPin = join(here, 'wrong-pin');
    writeFileSync(wrongPin, '0000\n', { mode: 0o600 });
    t.match(await openCertifier({ ...settings, caPassphraseFile: wrongPin }, () => noon, mute), {
      final: /shows no key: the PIN is wrong/,
    });
    await closeTokens();
    const certifier = await openCertifier({ ...settings, caPassphraseFile: pinFile }, () => noon, mute);
    if (typeof certifier === 'string' || 'final' in certifier) throw new Error(JSON.stringify(certifier));
    t.teardown(async () => await certifier.close());
    t.strictSame(certifier.userCA, first);
  });

  t.test('the server and the proxy sign by an ssh-agent', async t => {
    const state = folder();
    const directory = join(state, 'ca');
    valueOf(initCaOutside(directory, 'user', second, { kind: 'ssh-agent' }));
    const cas = new ServerCas(state, caPassphrase(Buffer.alloc(32)), { agent: join(state, 'none') });
    const terms = { principals: ['alice'], forSeconds: 300, extensions: [] };
    t.match(await cas.issue('user', async issuer => await signUserKey(issuer, newPair().key, 'x', terms, noon)), {
      kind: 'refused',
      text: /the agent at .*none cannot be asked/,
    });
    const settings = { ...standardConfig().proxy, caDirectory: directory };
    t.match(await openCertifier(settings, () => noon, mute), /proxy\.caAgent is not set/);
    const certifier = await openCertifier({ ...settings, caAgent: join(state, 'none') }, () => noon, mute);
    if (typeof certifier === 'string' || 'final' in certifier) throw new Error(JSON.stringify(certifier));
    t.strictSame(certifier.userCA, second);
    await certifier.close();
  });

  t.test('nothing is left behind', async t => {
    await until('the folders of agents to go', () => folders().length === foldersBefore.length); // the proxy does not wait
    t.strictSame(folders(), foldersBefore);
  });
}
