import t from 'tap';
import { browser, dataOf, signIn } from '../server/signed-in.ts';
import { addAlice, codeAt, send, testServer } from '../server/test-server.ts';

const base = '/api/v1/providers/ca/tsxca';
const noSession = {
  status: 'failed',
  reason: 'failed to verify token',
  intent: 'SessionValidator',
  data: [null, null],
};
const forAdmins = ['/all', '/ssh/user', '/ssh/host', '/ssh/system'].map(path => ['GET', `${base}${path}`] as const);
const all: readonly (readonly ['GET' | 'POST', string])[] = [
  ...forAdmins,
  ['POST', `${base}/ssh/init/user`],
  ['GET', '/api/v1/services/hostcerts/download/x'],
  ['POST', '/api/v1/services/hostcerts/update'],
];

t.test('what is below /api/v1 needs the cookie and its token, both', async t => {
  const server = await testServer(t);
  const { person } = await addAlice(server.state);
  server.state.people.setRole(person.id, 'admin');
  const { cookie, csrf } = await signIn(server);
  const other = await signIn(server);
  const wrong: [string, string, string][] = [
    ['nothing', '', ''],
    ['no token', cookie, ''],
    ['no cookie', '', csrf],
    ["another session's token", cookie, other.csrf],
    ["another's cookie", `X-SESSION=${'0'.repeat(64)}`, csrf],
    ['the cookie twice', `${cookie}; ${cookie}`, csrf],
    ['a cookie of another name', cookie.replace('X-SESSION', 'Y-SESSION'), csrf],
    ['a cookie and more', `${cookie}0`, csrf],
  ];
  for (const [what, theCookie, token] of wrong)
    for (const [method, path] of [...all, ['POST', '/api/v1/my/generatekey'] as const]) {
      const asked = browser(server.url, theCookie, token);
      const reply = method === 'GET' ? await asked.get(path) : await asked.post(path);
      t.equal(reply.status, 403, `${what}: ${path}`);
      t.same(reply.json, noSession, `${what}: ${path}`);
    }
  t.match((await browser(server.url, `a=b; ${cookie}; c=d`, csrf).get(`${base}/all`)).json, { status: 'success' });
});

t.test('a token in the address or the body is none: a foreign page can write both', async t => {
  const server = await testServer(t);
  const { person } = await addAlice(server.state);
  server.state.people.setRole(person.id, 'admin');
  const { cookie, csrf } = await signIn(server);
  const path = `${base}/ssh/init/user?X-CSRF=${csrf}`;
  const reply = await send(server.url, 'POST', path, JSON.stringify({ 'X-CSRF': csrf }), undefined, { cookie });
  t.equal(reply.status, 403);
});

t.test('what is an administrator’s is nobody else’s, and a role is what it is now', async t => {
  const server = await testServer(t);
  const { person } = await addAlice(server.state);
  const alice = await signIn(server);
  const ask = async ([method, path]: readonly ['GET' | 'POST', string]) =>
    method === 'GET' ? await alice.get(path) : await alice.post(path);
  for (const one of all)
    t.match(await ask(one), { status: 403, json: { status: 'failed', reason: 'Permission denied' } }, one.join(' '));
  server.state.people.setRole(person.id, 'admin');
  t.match(await ask(['GET', `${base}/all`]), { status: 200, json: { status: 'success' } });
  server.state.people.setRole(person.id, 'user');
  t.equal((await ask(['GET', `${base}/all`])).status, 403);
});

t.test('a session ends after 15 minutes, and when the person is disabled', async t => {
  const server = await testServer(t);
  const { person } = await addAlice(server.state);
  server.state.people.setRole(person.id, 'admin');
  const alice = await signIn(server);
  const status = async () => (await alice.get(`${base}/all`)).status;
  t.equal(await status(), 200);
  server.state.people.setEnabled(person.id, false);
  t.equal(await status(), 403);
  server.state.people.setEnabled(person.id, true);
  server.time.advance(899_000);
  t.equal(await status(), 200);
  server.time.advance(2_000);
  t.equal(await status(), 403);
});

t.test('the dashboard learns the role in TRASA’s words', async t => {
  const server = await testServer(t);
  const { person } = await addAlice(server.state);
  const roleOf = async () => {
    server.time.advance(30_000);
    const intent = 'AUTH_REQ_DASH_LOGIN';
    const login = { email: 'alice', password: 'correct horse', intent };
    const [token] = dataOf((await server.post('/auth/identity', login)).json);
    const tfa = { token, tfaMethod: 'totp', totpCode: codeAt(server.time.now()), intent };
    return (await server.post('/auth/tfa', tfa)).json;
  };
  t.match(await roleOf(), { data: [{ user: { userRole: 'selfUser' } }] });
  server.state.people.setRole(person.id, 'admin');
  t.match(await roleOf(), { data: [{ user: { userRole: 'orgAdmin' } }] });
});
