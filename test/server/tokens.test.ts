import t from 'tap';
import { PendingLogins } from '../../src/server/pending-logins.ts';
import { Sessions } from '../../src/server/sessions.ts';

t.test('a token is good for 400 s, five tries, and one login', async t => {
  const pending = new PendingLogins();
  const login = { person: 'p', intent: 'i' };
  const token = pending.open(login, 0);
  t.match(pending.take(token, 399_999), login);
  t.equal(pending.take(token, 400_000), undefined);
  for (let tries = 1; tries < 5; tries += 1) t.match(pending.take(token, 0), login);
  t.equal(pending.take(token, 0), undefined, 'a sixth try');
  const other = pending.open(login, 0);
  t.ok(pending.close(other));
  t.notOk(pending.close(other));
  t.equal(pending.take(other, 0), undefined);
});

t.test('tokens that are over make room', async t => {
  const pending = new PendingLogins();
  const first = pending.open({ person: 'p', intent: '' }, 0);
  pending.open({ person: 'p', intent: '' }, 400_000);
  t.equal(pending.take(first, 0), undefined);
});

t.test('a session needs its cookie and its token, for 15 minutes', async t => {
  const sessions = new Sessions();
  const { cookie, csrf } = sessions.open('p', 'd', 0);
  t.match(sessions.find(cookie, csrf, 899_999), { person: 'p' });
  t.equal(sessions.find(cookie, csrf, 900_000), undefined);
  t.equal(sessions.find(cookie, 'x', 0), undefined);
  t.equal(sessions.find('x', csrf, 0), undefined);
  t.equal(sessions.find(cookie, sessions.open('q', 'd', 0).csrf, 0), undefined, 'of another session');
});
