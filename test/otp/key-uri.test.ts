import t from 'tap';
import { generateSecret, keyUri } from '../../src/otp/key-uri.ts';
import { Secret } from '../../src/otp/secret.ts';

t.test('the URI carries what an authenticator needs to make the same codes', async t => {
  const uri = new URL(
    keyUri({
      secret: new Secret('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'),
      algorithm: 'sha256',
      digits: 8,
      periodSeconds: 60,
      issuer: 'TRASA web 1',
      label: 'alice@example.com',
    }).expose(),
  );
  t.equal(uri.protocol, 'otpauth:');
  t.equal(uri.host, 'totp');
  t.equal(decodeURIComponent(uri.pathname), '/TRASA web 1:alice@example.com');
  t.match(Object.fromEntries(uri.searchParams), {
    secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
    issuer: 'TRASA web 1',
    algorithm: 'SHA256',
    digits: '8',
    period: '60',
  });
});

t.test('a new key has 160 random bits, in base32', async t => {
  const [one, two] = [generateSecret().expose(), generateSecret().expose()];
  t.match(one, /^[A-Z2-7]{32}$/);
  t.not(one, two);
});

t.test('a key shorter than RFC 4226 allows is not made', async t => {
  for (const bytes of [0, 10, 15]) t.throws(() => generateSecret(bytes), RangeError);
  t.equal(generateSecret(16).expose().length, 26);
});
