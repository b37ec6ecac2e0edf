import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, Server } from 'node:net';
import { performance } from 'node:perf_hooks';
import { connect } from 'node:tls';
import t from 'tap';
import { addAlice, send, testServer } from './test-server.ts';

const path = '/auth/agent/nix';
const invalid = { status: 'failed', reason: 'invalid request', intent: 'AgentLogin', data: [null] };

t.test('what is not the JSON of a request is an invalid request', async t => {
  const { post } = await testServer(t);
  const notUtf8 = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
  const bodies = ['', '{', 'null', '[]', '"text"', '1', '{"user":1}', '{"totpCode":123456}', '{"trasaID":["a"]}'];
  for (const body of [...bodies, '{"user":true}', '{"user":{}}', '{} {}', notUtf8])
    t.same((await post(path, body)).json, invalid, body.toString());
});

t.test('names that every object has are not taken for fields', async t => {
  const { post } = await testServer(t);
  const reply = await post(path, '{"__proto__":{"serviceID":"x"},"constructor":{}}');
  t.match(reply.json, { reason: 'invalid service integration details' });
});

t.test('a field of more than 8192 characters makes the request invalid', async t => {
  const { post } = await testServer(t);
  t.same((await post(path, { user: 'a'.repeat(8193) })).json, invalid);
});

t.test('the content type does not matter', async t => {
  const { state, url } = await testServer(t);
  const { request } = await addAlice(state);
  for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', undefined]) {
    const headers = type === undefined ? {} : { 'content-type': type };
    const reply = await send(url, 'POST', path, JSON.stringify({ ...request, user: 'bob' }), undefined, headers);
    t.match(reply.json, { reason: 'policy not assigned' }, type ?? 'none');
  }
});

t.test('a body of more than 64 KiB is no request, and gets no verdict', async t => {
  const { post } = await testServer(t);
  t.equal((await post(path, `{"x":"${'a'.repeat(60_000)}"}`)).status, 200);
  t.equal((await post(path, `{"x":"${'a'.repeat(70_000)}"}`).catch(() => ({ status: 413 }))).status, 413);
});

t.test('other paths and methods are not there', async t => {
  const { post, url } = await testServer(t);
  t.equal((await post('/auth/agent/win', {})).status, 404);
  t.equal((await send(url, 'GET', path, '')).status, 404);
  t.same((await post('/', {})).json, { status: 'failed', reason: 'no such endpoint', data: null });
});

t.test('a connection that the kernel cannot hand over is a line in the log', async t => {
  const { url, post, log } = await testServer(t);
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles: () => unknown[] };
  const listener = handles().find(
    (one): one is Server => one instanceof Server && String((one.address() as AddressInfo | null)?.port) === url.port,
  );
  t.doesNotThrow(() => listener?.emit('error', new Error('accept ENOMEM')));
  t.ok(listener);
  t.match(log.at(-1), /accept ENOMEM/);
  t.equal((await post(path, {})).status, 200);
});

t.test('an exception is no verdict: HTTP 500, and a line in the log', async t => {
  const factor = (): never => {
    throw new Error('a bug');
  };
  const { state, post, log } = await testServer(t, { factor });
  const { request } = await addAlice(state);
  const reply = await post(path, request);
  t.equal(reply.status, 500);
  t.same(reply.json, { status: 'failed', reason: 'UNKNOWN', data: null });
  t.notOk(reply.body.includes('a bug'));
  t.match(JSON.parse(log[0] ?? ''), { event: 'error', text: /a bug/ });
});

t.test('a verdict that cannot be logged is not given', async t => {
  let full = false;
  const write = (): void => {
    if (!full) {
      full = true;
      throw new Error('no space left');
    }
  };
  const { state, post } = await testServer(t, { write });
  const { request } = await addAlice(state, { enrolled: false });
  t.equal((await post(path, request)).status, 500);
});

t.test('a stub in the place of the factor still needs everything before it to be right', async t => {
  const factor = () => ({ kind: 'verified', factor: 'totp', device: 'stub' }) as const;
  const { state, post } = await testServer(t, { factor });
  const { request } = await addAlice(state);
  t.match((await post(path, request)).json, { status: 'success' });
  t.match((await post(path, { ...request, trasaID: 'bob' })).json, { status: 'failed', reason: 'user not found' });
});

t.test('TLS below 1.2 is refused', async t => {
  const { url } = await testServer(t);
  const options = { host: '127.0.0.1', port: Number(url.port), rejectUnauthorized: false } as const;
  const old = connect({ ...options, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
  await t.rejects(once(old, 'secureConnect'));
  const good = connect({ ...options, maxVersion: 'TLSv1.2' });
  await once(good, 'secureConnect');
  good.destroy();
});

t.test('connections that say nothing do not keep the server from stopping', async t => {
  const { url, close } = await testServer(t);
  const port = Number(url.port);
  const tls = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  const tcp = connectTcp(port, '127.0.0.1');
  await Promise.all([once(tls, 'secureConnect'), once(tcp, 'connect')]);
  const closed = [tls, tcp].map(
    async socket =>
      await new Promise(resolve =>
        socket
          .on('error', () => undefined)
          .resume()
          .once('close', resolve),
      ),
  );
  const start = performance.now();
  await close();
  await Promise.all(closed);
  t.ok(performance.now() - start < 20_000, 'not when their own time is over');
});
