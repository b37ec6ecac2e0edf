import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { givenIdentity, ownIdentity, ownPin, type ServerIdentity } from '../../../src/server/tls/server-identity.ts';

const now = Date.now();
const dayMs = 86_400_000;

function own(directory: string, hostnames: string[], at = now): ServerIdentity {
  const identity = ownIdentity(directory, hostnames, at);
  if (identity.kind === 'broken') throw new Error(identity.text);
  return identity;
}

t.test('a key and a certificate are made once, and kept', async t => {
  const directory = t.testdir();
  const first = own(directory, ['localhost']);
  t.same(own(directory, ['localhost']), first);
  t.equal(ownPin(directory), first.pin);
  for (const name of ['tls-key.pem', 'tls-cert.pem']) t.equal(statSync(join(directory, name)).mode & 0o777, 0o600);
});

t.test('the pin is what OpenSSL computes', async t => {
  const { cert, pin } = own(t.testdir(), ['localhost']);
  const pipe = 'openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64';
  const { stdout } = spawnSync('sh', ['-c', pipe], { input: cert, encoding: 'utf8' });
  t.equal(pin, `sha256//${stdout.trim()}`);
});

t.test('another name, or the end being near, makes another certificate for the same key', async t => {
  const directory = t.testdir();
  const first = own(directory, ['localhost']);
  const named = own(directory, ['localhost', '192.0.2.1', '::1']);
  t.not(named.cert, first.cert);
  t.equal(named.pin, first.pin);
  t.ok(new X509Certificate(named.cert).checkIP('192.0.2.1'));
  t.equal(own(directory, ['localhost']).cert, named.cert, 'fewer names do not');
  const later = own(directory, ['localhost'], now + 3640 * dayMs);
  t.not(later.cert, named.cert);
  t.equal(later.pin, first.pin);
});

t.test('a damaged certificate is made anew; a damaged key is not', async t => {
  const directory = t.testdir();
  const { pin } = own(directory, ['localhost']);
  writeFileSync(join(directory, 'tls-cert.pem'), 'garbage');
  t.equal(own(directory, ['localhost']).pin, pin);
  writeFileSync(join(directory, 'tls-key.pem'), 'garbage');
  t.match(ownIdentity(directory, ['localhost'], now), { kind: 'broken', text: /not a private key/ });
});

t.test('a certificate that somebody else made is used as it is', async t => {
  const directory = t.testdir();
  const { cert, key, pin } = own(directory, ['localhost']);
  const [certFile, keyFile] = [join(directory, 'tls-cert.pem'), join(directory, 'tls-key.pem')];
  const given = givenIdentity(certFile, keyFile);
  t.match(given, { kind: 'identity', cert, pin });
  t.equal(given.kind === 'identity' && given.key.expose(), key.expose());
});

t.test('a given certificate is refused if', async t => {
  const directory = t.testdir({ other: {}, junk: 'junk' });
  own(directory, ['localhost']);
  own(join(directory, 'other'), ['localhost']);
  const [certFile, keyFile] = [join(directory, 'tls-cert.pem'), join(directory, 'tls-key.pem')];
  const broken = (text: RegExp) => ({ kind: 'broken', text });
  t.match(givenIdentity(certFile, join(directory, 'other', 'tls-key.pem')), broken(/does not belong to the key/));
  t.match(givenIdentity(join(directory, 'none'), keyFile), broken(/does not exist/));
  t.match(givenIdentity(join(directory, 'junk'), keyFile), broken(/not a certificate/));
  chmodSync(keyFile, 0o644);
  t.match(givenIdentity(certFile, keyFile), broken(/can be read by everyone/), 'its key is open to all');
});
