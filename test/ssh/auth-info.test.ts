import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { firstMethod, verifiedKeyFingerprint } from '../../src/ssh/auth-info.ts';

const sha256 = (bytes: Buffer): string => hash('sha256', bytes, 'base64');

// ssh-keygen is the referee: it makes the keys and says what their fingerprints are.
const dir = t.testdir();
const keygen = (...args: string[]): string => execFileSync('ssh-keygen', args, { encoding: 'utf8' });
const fingerprintOf = (path: string): string => keygen('-l', '-f', path).split(' ')[1] ?? '';
const lineOf = (path: string): string => {
  const [type, base64] = readFileSync(path, 'utf8').split(' ');
  return `publickey ${type} ${base64}`;
};

const kinds = ['ed25519', 'rsa', 'ecdsa'];
for (const kind of ['ca', ...kinds])
  keygen('-q', '-t', kind === 'ca' ? 'ed25519' : kind, '-N', '', '-C', 'somebody', '-f', join(dir, kind));

for (const kind of kinds) {
  const key = join(dir, kind);
  t.test(`the fingerprint of an ${kind} key is the one that ssh-keygen prints`, async t => {
    t.equal(verifiedKeyFingerprint(`${lineOf(`${key}.pub`)}\n`, sha256), fingerprintOf(`${key}.pub`));
  });

  t.test(`an ${kind} certificate has the fingerprint of the key it certifies`, async t => {
    keygen('-q', '-s', join(dir, 'ca'), '-I', 'id', '-n', 'alice', `${key}.pub`);
    const line = lineOf(`${key}-cert.pub`);
    t.match(line, '-cert-v01@openssh.com ');
    t.equal(verifiedKeyFingerprint(line, sha256), fingerprintOf(`${key}.pub`));
  });
}

t.test('security keys too have their certified key found', async t => {
  // No token is needed to make one up: the format alone counts (PROTOCOL.u2f).
  const string = (text: string): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(text));
    return Buffer.concat([length, Buffer.from(text)]);
  };
  const parts = ['k'.repeat(32), 'ssh:'].map(string);
  const plain = Buffer.concat([string('sk-ssh-ed25519@openssh.com'), ...parts]);
  const certificate = Buffer.concat([
    string('sk-ssh-ed25519-cert-v01@openssh.com'),
    string('nonce'),
    ...parts,
    Buffer.alloc(12),
  ]);
  const path = join(dir, 'sk.pub');
  writeFileSync(path, `sk-ssh-ed25519@openssh.com ${plain.toString('base64')}\n`);
  const line = `publickey sk-ssh-ed25519-cert-v01@openssh.com ${certificate.toString('base64')}`;
  t.equal(verifiedKeyFingerprint(line, sha256), fingerprintOf(path));
});

t.test('of several lines the first public key counts', async t => {
  const text = `password\nkeyboard-interactive/pam\n${lineOf(join(dir, 'rsa.pub'))}\n${lineOf(join(dir, 'ed25519.pub'))}\n`;
  t.equal(verifiedKeyFingerprint(text, sha256), fingerprintOf(join(dir, 'rsa.pub')));
});

t.test('what is not a public key yields none', async t => {
  const good = lineOf(join(dir, 'ed25519.pub'));
  for (const text of [
    '',
    'password\n',
    'publickey',
    'publickey ssh-ed25519',
    'publickey ssh-ed25519 ====',
    'publickey ssh-ed25519 AAAA',
    'hostbased ssh-ed25519 AAAA',
    ` ${good}`,
    good.replace('ssh-ed25519', 'ssh-rsa'),
    good.replace('ssh-ed25519', 'constructor-cert-v01@openssh.com'),
  ])
    t.equal(verifiedKeyFingerprint(text, sha256), undefined, JSON.stringify(text));
});

t.test('the first method that was passed is told; where nothing was passed, none is', async t => {
  t.equal(firstMethod(lineOf(join(dir, 'rsa.pub'))), 'publickey');
  t.equal(firstMethod('password\n'), 'password');
  t.equal(firstMethod('keyboard-interactive/pam\npublickey x y\n'), 'keyboard-interactive');
  for (const text of ['', '\n', ' publickey', '\npassword'])
    t.equal(firstMethod(text), undefined, JSON.stringify(text));
});
