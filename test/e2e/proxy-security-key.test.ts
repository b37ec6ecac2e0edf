/** Security keys at the proxy, by OpenSSH: registered and certified, and what the person has to do with each. */
import { copyFileSync, statSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { addService, startServer } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { answering, caDirectory, passphraseFile, startProxyBehind } from '../helpers/e2e/proxy.ts';
import { type SecurityKeyType, softwareSecurityKeys } from '../helpers/e2e/security-key.ts';
import { makeMember } from '../helpers/e2e/site.ts';

privateHost(t);
const keys = softwareSecurityKeys();
if (typeof keys === 'string') t.plan(0, keys);
else {
  const { provider, make } = keys;
  const types: readonly SecurityKeyType[] = ['ed25519-sk', 'ecdsa-sk'];
  const registered = types.map(type => make(`registered-${type}`, type));
  const untouched = make('untouched', 'ed25519-sk', ['no-touch-required']);
  const verified = make('verified', 'ecdsa-sk', ['verify-required']);
  const certified = make('certified', 'ecdsa-sk');

  const server = await startServer();
  const service = await addService('web1');
  const alice = await makeMember('alice', server);
  const people = [...registered, untouched].map(path => [`${path}.pub`, alice.email] as const);
  const site = await startProxyBehind({ server, service, accounts: ['alice'], people });
  t.teardown(async () => {
    await site.stop();
    await server.stop();
  });

  const ssh = (identity: string) =>
    ['ssh', ...site.proxy.flags(identity), '-o', `SecurityKeyProvider=${provider}`] as const;
  /** Is the key a first factor? A code would be the next question, and is not asked for here. */
  const proves = async (identity: string): Promise<boolean> => {
    const words = ['-v', '-o', 'PreferredAuthentications=publickey', 'alice@web1@proxy', 'id -un'];
    const { status, stderr } = await answering([...ssh(identity), ...words], { PIN: '1234' });
    if (status !== 255) throw new Error(`status ${status}: ${stderr}`);
    return stderr.includes('partial success');
  };
  const certify = async (key: string, ...flags: readonly string[]): Promise<void> => {
    const { uid, gid } = statSync(caDirectory);
    const file = '/etc/trasa/certified.pub';
    copyFileSync(`${key}.pub`, file);
    const words = ['--passphrase-file', passphraseFile, '--principal', alice.email, '--for', '1h', ...flags];
    const { stdout, stderr } = await run([agent, 'ca', 'sign-user', file, ...words], { uid, gid, cwd: '/' });
    if (stdout === '') throw new Error(stderr);
    writeFileSync(`${key}-cert.pub`, stdout);
  };

  for (const [index, type] of types.entries())
    t.test(`a registered ${type} is the first factor`, async t => {
      const words = [...ssh(registered[index] ?? ''), 'alice@web1@proxy', 'id -un'] as const;
      const done = await answering(words, { OTP: alice.code() });
      t.match(done, { status: 0, stdout: 'alice\n' }, done.stderr);
      t.match(await site.proxy.said(line => line['event'] === 'decision'), { person: alice.email, decision: 'allow' });
    });

  t.test('one that nobody touched proves nothing, unless its certificate allows that', async t => {
    t.notOk(await proves(untouched));
    await site.proxy.said(line => line['why'] === 'the signature is not by the key');
    await certify(untouched);
    t.notOk(await proves(untouched), 'nor does a certificate that says nothing of it');
    await certify(untouched, '--extension', 'no-touch-required');
    t.ok(await proves(untouched));
  });

  t.test('a certificate that asks for a PIN counts with a key that says that there was one', async t => {
    await certify(verified, '--verify-required');
    t.ok(await proves(verified));
    await certify(certified, '--verify-required');
    t.notOk(await proves(certified), 'only touched');
    await certify(certified);
    t.ok(await proves(certified), 'and is good where that is enough');
  });
}
