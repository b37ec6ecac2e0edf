import t from 'tap';
import { Secret } from '../../src/otp/secret.ts';
import { hashPassword, verifyPassword } from '../../src/server/password.ts';

t.test('a password is known by its hash, and no other is', async t => {
  const kept = await hashPassword(new Secret('Grüße'));
  t.match(kept, /^scrypt\$32768\$8\$3\$[\w+/=]{24}\$[\w+/=]{44}$/, 'with its parameters');
  t.ok(await verifyPassword(new Secret('Grüße'), kept));
  t.ok(await verifyPassword(new Secret('Gru\u0308ße'), kept), 'in whatever way its accents are typed');
  t.notOk(await verifyPassword(new Secret('grüße'), kept));
  t.notOk(await verifyPassword(new Secret(''), kept));
});

t.test('the same password has another hash each time', async t => {
  const cheap = { N: 1024, r: 8, p: 1 };
  t.not(await hashPassword(new Secret('x'), cheap), await hashPassword(new Secret('x'), cheap));
});

t.test('a hash of another cost is still understood', async t => {
  t.ok(await verifyPassword(new Secret('x'), await hashPassword(new Secret('x'), { N: 1024, r: 8, p: 1 })));
});

t.test('nothing kept is no password, not even the empty one', async t => {
  t.notOk(await verifyPassword(new Secret(''), undefined));
});

t.test('what is not a hash is a bug', async t => {
  await t.rejects(verifyPassword(new Secret('x'), 'plain'), /not a password hash/);
});
