import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { initCa, openAuthority, unlockCa } from '../../src/ca/authority.ts';
import type { CaKeyType } from '../../src/ca/key-file.ts';
import { Secret } from '../../src/otp/secret.ts';
import { cost, issuerOf, newAuthority, newDirectory, passphrase, valueOf } from './ca.ts';

t.test('a CA is made once, for its owner alone, and opened with its passphrase', async t => {
  const directory = newDirectory();
  const key = valueOf(await initCa(directory, 'user', 'ed25519', passphrase, cost));
  const file = join(directory, 'ssh-user-ca.key');
  t.equal(statSync(directory).mode & 0o777, 0o700);
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.strictSame(readdirSync(directory), ['ca.db', 'ssh-user-ca.key'], 'and nothing else is left behind');
  const before = readFileSync(file);
  t.match(await initCa(directory, 'user', 'ed25519', passphrase, cost), {
    kind: 'refused',
    text: /already, and it stays/,
  });
  t.strictSame(readFileSync(file), before);
  const authority = valueOf(openAuthority(directory));
  t.strictSame(valueOf(await unlockCa(authority, 'user', passphrase)).signer.publicKey, key);
  t.match(await unlockCa(authority, 'host', passphrase), {
    kind: 'config',
    text: /there is no host CA.*ca init --host/,
  });
  authority.close();
});

t.test('of two that make a CA at once one does', async t => {
  const directory = newDirectory();
  const all = await Promise.all(
    [1, 2, 3].map(async () => await initCa(directory, 'user', 'ed25519', passphrase, cost)),
  );
  t.strictSame(
    all.map(({ kind }) => kind).toSorted((a, b) => a.localeCompare(b)),
    ['done', 'refused', 'refused'],
  );
  const made = all.flatMap(one => (one.kind === 'done' ? [one.value] : []));
  const authority = valueOf(openAuthority(directory));
  t.strictSame(made, [authority.keys.user?.publicKey]);
  authority.close();
});

const keyTypes: Readonly<Record<CaKeyType, string>> = {
  ed25519: 'ssh-ed25519',
  'ecdsa-256': 'ecdsa-sha2-nistp256',
  'ecdsa-384': 'ecdsa-sha2-nistp384',
  'ecdsa-521': 'ecdsa-sha2-nistp521',
  'rsa-3072': 'ssh-rsa',
  'rsa-4096': 'ssh-rsa',
};
for (const type of ['ed25519', 'ecdsa-256', 'ecdsa-384', 'ecdsa-521', 'rsa-3072'] as const)
  t.test(`a CA of ${type} can be had`, async t => {
    const directory = newDirectory();
    const key = valueOf(await initCa(directory, 'host', type, passphrase, cost));
    t.equal(key.type, keyTypes[type]);
    const authority = valueOf(openAuthority(directory));
    t.strictSame((await issuerOf(authority, 'host')).signer.publicKey, key);
    authority.close();
  });

t.test('the private key is nowhere in the clear, and opens with nothing but its passphrase', async t => {
  const authority = await newAuthority(['user']);
  const file = join(authority.directory, 'ssh-user-ca.key');
  t.notMatch(readFileSync(file, 'latin1'), /PRIVATE|correct horse/);
  for (const wrong of ['correct horse battery stapl', '', 'Correct horse battery staple'])
    t.match(await unlockCa(authority, 'user', new Secret(wrong)), { kind: 'config', text: /passphrase is wrong, or/ });
  authority.close();
});

t.test('a key file that was changed in any place is refused', async t => {
  const authority = await newAuthority();
  const file = join(authority.directory, 'ssh-user-ca.key');
  const text = readFileSync(file, 'utf8');
  const fields = JSON.parse(text) as Record<string, unknown> & { scrypt: Record<string, unknown>; sealed: string };
  const other = JSON.parse(readFileSync(join(authority.directory, 'ssh-host-ca.key'), 'utf8')) as typeof fields;
  authority.close();
  const changed: [string, unknown][] = [
    ['another version', { ...fields, version: 2 }],
    ['another type', { ...fields, type: 'host' }],
    ["another CA's public key", { ...fields, publicKey: other['publicKey'] }],
    ["another CA's private key", { ...fields, sealed: other.sealed }],
    ['no public key', { ...fields, publicKey: undefined }],
    ['a cost of 64 GiB', { ...fields, scrypt: { ...fields.scrypt, N: 2 ** 26 } }],
    ['a cost that is no number', { ...fields, scrypt: { ...fields.scrypt, N: '131072' } }],
    ['a cut end', { ...fields, sealed: fields.sealed.slice(0, 40) }],
    ['nothing sealed', { ...fields, sealed: '' }],
    ['a list', []],
    ['null', null],
  ];
  for (const [what, content] of changed) t.equal(await opens(file, JSON.stringify(content)), false, what);
  for (const content of ['', '{', text.slice(0, -20)])
    t.equal(await opens(file, content), false, JSON.stringify(content.slice(-9)));
  t.equal(await opens(file, text), true, 'while the file itself opens');
  renameSync(join(authority.directory, 'ssh-host-ca.key'), file);
  t.match(openAuthority(authority.directory), { kind: 'config', text: /is not the key file of a user CA/ });

  async function opens(path: string, content: string): Promise<boolean> {
    writeFileSync(path, content);
    const opened = openAuthority(authority.directory);
    if (opened.kind !== 'done') return false;
    const issuer = await unlockCa(opened.value, 'user', passphrase);
    opened.value.close();
    return issuer.kind === 'done';
  }
});

t.test('what others could read or change is refused, and what is missing is said', async t => {
  const authority = await newAuthority(['user']);
  authority.close();
  const { directory } = authority;
  chmodSync(directory, 0o750);
  t.match(openAuthority(directory), { kind: 'config', text: /can be entered by others.*chmod 0700/ });
  chmodSync(directory, 0o700);
  chmodSync(join(directory, 'ssh-user-ca.key'), 0o644);
  t.match(openAuthority(directory), { kind: 'config', text: /can be read by everyone/ });
  chmodSync(join(directory, 'ssh-user-ca.key'), 0o600);
  chmodSync(join(directory, 'ca.db'), 0o640);
  t.match(openAuthority(directory), { kind: 'config', text: /ca\.db is open to others/ });
  chmodSync(join(directory, 'ca.db'), 0o600);
  writeFileSync(join(directory, 'ca.db'), 'no database'.repeat(100));
  t.match(openAuthority(directory), { kind: 'config', text: /ca\.db: .*not a database/ });
  rmSync(join(directory, 'ca.db'));
  t.match(openAuthority(directory), { kind: 'config', text: /ca\.db: is not there.*only a backup has it/ });
  const missing = newDirectory();
  t.match(openAuthority(missing), { kind: 'config', text: /does not exist; trasa-agent ca init makes it/ });
  mkdirSync(missing, { mode: 0o755 });
  t.match(await initCa(missing, 'user', 'ed25519', passphrase, cost), { kind: 'config', text: /chmod 0700/ });
  writeFileSync(join(directory, 'file'), '');
  t.match(await initCa(join(directory, 'file'), 'user', 'ed25519', passphrase, cost), { kind: 'config' });
  t.match(await initCa(newDirectory(), 'user', 'ed25519', new Secret('too short')), {
    kind: 'refused',
    text: /at least 12/,
  });
});
