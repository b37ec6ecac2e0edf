/** Whom we trust, and that only the settings say so. */
import t, { type Test } from 'tap';
import type { ServerSettings } from '../../src/config/config.ts';
import { TrasaClient } from '../../src/trasa/client.ts';
import type { Delivery } from '../../src/trasa/delivery.ts';
import { envelope, startProxy, startTcp, startTrasa } from '../helpers/bad-server.ts';
import { type Identity, loopback, makeIdentity } from '../helpers/tls.ts';
import { settingsFor } from './settings.ts';

const never = new AbortController().signal;
const ca = makeIdentity();
const otherCa = makeIdentity();
const good = makeIdentity({ names: loopback, issuer: ca });
const selfSigned = makeIdentity({ names: ['DNS:whatever.example'] });
const wrongName = makeIdentity({ names: ['DNS:other.example'], issuer: ca });
const expired = makeIdentity({ names: loopback, issuer: ca, expired: true });
const accepted = { kind: 'answered', envelope: { status: 'success' } };
const distrusted = { kind: 'unavailable', cause: 'tls' };

async function check(url: URL, changes: Partial<ServerSettings>): Promise<Delivery> {
  const client = new TrasaClient(settingsFor(url, changes), 'host-1');
  try {
    return await client.checkConfig(never);
  } finally {
    client.close();
  }
}

const serve = async (t: Test, identity: Identity) =>
  await startTrasa(t, identity, response => envelope(response, { status: 'success' }));

t.test('a certificate of the configured CA in the right name is trusted', async t => {
  t.match(await check((await serve(t, good)).url, { ca: ca.cert }), accepted);
});

t.test('the configured CA replaces the system’s, and the system’s does not know our CA', async t => {
  const { url } = await serve(t, good);
  t.match(await check(url, { ca: otherCa.cert }), distrusted);
  t.match(await check(url, {}), distrusted);
});

t.test('a CA file without a certificate trusts nobody', async t => {
  t.match(await check((await serve(t, good)).url, { ca: 'no certificate' }), distrusted);
});

t.test('the key of the leaf, if pinned, is enough: without CA, name or date', async t => {
  for (const identity of [selfSigned, wrongName, expired, good])
    t.match(await check((await serve(t, identity)).url, { pins: [otherCa.pin, identity.pin] }), accepted);
});

t.test('a pinned CA is enough only for a chain that is valid', async t => {
  t.match(await check((await serve(t, good)).url, { ca: ca.cert, pins: [ca.pin] }), accepted);
  for (const identity of [wrongName, expired])
    t.match(await check((await serve(t, identity)).url, { ca: ca.cert, pins: [ca.pin] }), distrusted);
  t.match(await check((await serve(t, good)).url, { pins: [ca.pin] }), distrusted, 'a chain to no CA of ours');
});

t.test('a pinned certificate that the server merely sends along does not count', async t => {
  const pretender = { ...good, cert: `${good.cert}${otherCa.cert}` };
  t.match(await check((await serve(t, pretender)).url, { ca: ca.cert, pins: [otherCa.pin] }), distrusted);
});

t.test('with pins, a good certificate that matches none is not trusted', async t => {
  const { url, received } = await serve(t, good);
  t.match(await check(url, { ca: ca.cert, pins: [selfSigned.pin] }), distrusted);
  t.equal(received.length, 0);
});

t.test('insecureSkipVerify trusts every certificate, but pins hold', async t => {
  for (const identity of [selfSigned, wrongName, expired])
    t.match(await check((await serve(t, identity)).url, { insecureSkipVerify: true }), accepted);
  const { url } = await serve(t, selfSigned);
  t.match(await check(url, { insecureSkipVerify: true, pins: [good.pin] }), distrusted);
  t.match(await check(url, { insecureSkipVerify: true, pins: [selfSigned.pin] }), accepted);
  t.match(await check((await serve(t, good)).url, { insecureSkipVerify: true, pins: [ca.pin] }), distrusted);
});

t.test('TLS older than 1.2 is refused', async t => {
  const old = { ...good, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  t.match(await check((await serve(t, old)).url, { insecureSkipVerify: true }), distrusted);
});

t.test('the environment has no say', async t => {
  const proxy = await startProxy(t);
  const environment = {
    HTTPS_PROXY: proxy.url.href,
    https_proxy: proxy.url.href,
    ALL_PROXY: proxy.url.href,
    NODE_USE_ENV_PROXY: '1',
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    SSL_CERT_FILE: '/nonexistent',
  };
  const before = { ...process.env };
  t.teardown(() => {
    process.env = before;
  });
  Object.assign(process.env, environment);
  t.match(await check((await serve(t, good)).url, { ca: ca.cert }), accepted);
  t.match(await check((await serve(t, selfSigned)).url, {}), distrusted);
  t.match(await check((await serve(t, selfSigned)).url, { pins: [good.pin] }), distrusted);
  t.same(proxy.heads, []);
});

t.test('the configured proxy is asked for a tunnel, with its password', async t => {
  const proxy = await startProxy(t);
  const server = await serve(t, good);
  const httpProxy = new URL(proxy.url);
  httpProxy.username = 'al ice';
  httpProxy.password = 'p:w%';
  t.match(await check(server.url, { ca: ca.cert, httpProxy }), accepted);
  const basic = Buffer.from('al ice:p:w%').toString('base64');
  const { host } = server.url;
  t.same(proxy.heads, [`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\nProxy-Authorization: Basic ${basic}\r\n\r\n`]);
});

t.test('through a proxy, the server is judged as without', async t => {
  const httpProxy = (await startProxy(t)).url;
  t.match(await check((await serve(t, selfSigned)).url, { ca: ca.cert, httpProxy }), distrusted);
});

t.test('a proxy that opens no tunnel is a server that cannot be reached', async t => {
  const server = await serve(t, good);
  const replies = [
    ['HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', 'the HTTP proxy answered 407 to CONNECT'],
    ['HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n', 'the HTTP proxy answered 503 to CONNECT'],
    ['SSH-2.0-OpenSSH_9.2\r\n\r\n', 'the HTTP proxy did not answer in HTTP'],
    ['HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n', 'the HTTP proxy answered CONNECT with more than an answer'],
    [`HTTP/1.1 200 ${'x'.repeat(100_000)}`, 'the HTTP proxy answered CONNECT with more than an answer'],
  ] as const;
  for (const [reply, detail] of replies) {
    const { url: httpProxy } = await startProxy(t, reply);
    t.match(await check(server.url, { ca: ca.cert, httpProxy }), { cause: 'unreachable', detail });
  }
  t.equal(server.connections(), 0);
});

t.test('a proxy that hangs up, or says nothing, or drips, ends with the connect deadline at the latest', async t => {
  const server = new URL('https://127.0.0.1:1');
  const proxied = async (act: Parameters<typeof startTcp>[1], connectTimeoutMs = 200) => {
    const { port } = await startTcp(t, act);
    return await check(server, { httpProxy: new URL(`http://127.0.0.1:${port}`), connectTimeoutMs });
  };
  t.match(await proxied(s => s.once('data', () => s.end()), 60_000), {
    cause: 'unreachable',
    detail: 'the HTTP proxy closed the connection',
  });
  const late = { cause: 'unreachable', detail: /^no connection to the HTTP proxy 127.0.0.1:\d+ within 200 ms$/ };
  t.match(await proxied(() => {}), late);
  t.match(
    await proxied(socket => {
      const timer = setInterval(() => socket.writable && socket.write('H'), 20);
      t.teardown(() => clearInterval(timer));
    }),
    late,
  );
});
