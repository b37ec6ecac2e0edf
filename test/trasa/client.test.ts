/** The wire contract with TRASA v1.1 (and what we add to it), and how requests find their way. */
import t, { type Test } from 'tap';
import type { LoginAttempt } from '../../src/auth/attempt.ts';
import type { ServerProof } from '../../src/auth/verifier.ts';
import type { ServerSettings } from '../../src/config/config.ts';
import { Secret } from '../../src/otp/secret.ts';
import { TrasaClient } from '../../src/trasa/client.ts';
import type { Network } from '../../src/trasa/delivery.ts';
import { closedPort, envelope, startMisbehaving, startTcp, startTrasa } from '../helpers/bad-server.ts';
import { anAttempt } from '../helpers/fake-ports.ts';
import { loopback, makeIdentity } from '../helpers/tls.ts';
import { code, serviceKey, settingsFor } from './settings.ts';

const ca = makeIdentity();
const identity = makeIdentity({ names: loopback, issuer: ca });
const never = new AbortController().signal;
const aCode: ServerProof = { factor: 'totp', code: new Secret(code) };
const aPush: ServerProof = { factor: 'push' };

function clientOf(
  t: Test,
  urls: URL | readonly URL[],
  changes: Partial<ServerSettings> = {},
  network: Partial<Network> = {},
): TrasaClient {
  const client = new TrasaClient(settingsFor(urls, { ca: ca.cert, ...changes }), 'host-1', network);
  t.teardown(() => client.close());
  return client;
}

function ask(client: TrasaClient, proof: ServerProof, attempt: Partial<LoginAttempt> = {}, signal = never) {
  return client.nix({ attempt: anAttempt(attempt), trasaID: 'alice@example.com', proof }, signal);
}

const yes = (t: Test) => startTrasa(t, identity, response => envelope(response, { status: 'success' }));

t.test('a code is sent as TRASA v1.1 wants it', async t => {
  const server = await yes(t);
  const delivery = await ask(clientOf(t, server.url), aCode);
  t.match(delivery, { kind: 'answered', envelope: { status: 'success', reason: '' }, server: server.url.origin });

  const [request] = server.received;
  t.match(request, {
    method: 'POST',
    path: '/auth/agent/nix',
    headers: {
      host: server.url.host,
      'content-type': 'application/json',
      accept: 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'trasa-agent',
    },
  });
  t.same(JSON.parse(request?.body ?? ''), {
    serviceID: 'service-1',
    serviceKey,
    user: 'alice',
    trasaID: 'alice@example.com',
    tfaMethod: 'totp',
    totpCode: code,
    userIP: '192.0.2.7',
    hostname: 'host-1',
    attempt: '01JD0000000000000000000000',
    door: 'login',
  });
});

t.test('a push is asked for by an empty code, and carries the facts that a device can show', async t => {
  const server = await yes(t);
  await ask(
    clientOf(t, server.url),
    { factor: 'push', number: '07' },
    { tty: '/dev/pts/3', command: 'git-upload-pack x', keyFingerprint: 'SHA256:abc', door: 'pam' },
  );
  t.same(JSON.parse(server.received[0]?.body ?? ''), {
    serviceID: 'service-1',
    serviceKey,
    user: 'alice',
    trasaID: 'alice@example.com',
    tfaMethod: 'U2F',
    totpCode: '',
    userIP: '192.0.2.7',
    hostname: 'host-1',
    attempt: '01JD0000000000000000000000',
    door: 'pam',
    pushNumber: '07',
    command: 'git-upload-pack x',
    keyFingerprint: 'SHA256:abc',
    tty: '/dev/pts/3',
  });
});

t.test('an empty code is never sent: it would be a push', async t => {
  const server = await yes(t);
  await t.rejects(ask(clientOf(t, server.url), { factor: 'totp', code: new Secret('') }));
  t.equal(server.connections(), 0);
});

t.test('an unknown client address is an empty one', async t => {
  const server = await yes(t);
  const { clientAddress: _, ...attempt } = anAttempt();
  await clientOf(t, server.url).nix({ attempt, trasaID: 'alice', proof: aCode }, never);
  t.match(JSON.parse(server.received[0]?.body ?? ''), { userIP: '' });
});

t.test('a configuration check sends the credentials and nothing else', async t => {
  const server = await startTrasa(t, identity, response =>
    envelope(response, { status: 'success', reason: 'valid integration data' }),
  );
  const delivery = await clientOf(t, server.url).checkConfig(never);
  t.match(delivery, { kind: 'answered', envelope: { status: 'success', reason: 'valid integration data' } });
  t.match(server.received[0], { method: 'POST', path: '/auth/agent/checkconfig' });
  t.same(JSON.parse(server.received[0]?.body ?? ''), { serviceID: 'service-1', serviceKey });
});

t.test('what the server says of itself is learned', async t => {
  let capabilities: unknown = { pushNumber: true, cancelOnClose: true, pushAnswer: true, attemptEcho: true };
  let status = 'success';
  const server = await startTrasa(t, identity, response => envelope(response, { status, data: [{ capabilities }] }));
  const client = clientOf(t, server.url);
  t.equal(client.capabilities.pushNumber, false, 'nothing is assumed');
  await client.learnCapabilities(never);
  t.same(client.capabilities, capabilities);
  status = 'failed';
  await client.learnCapabilities(never);
  t.equal(client.capabilities.pushNumber, true, 'a failure leaves what was known');
  status = 'success';
  capabilities = undefined;
  await client.learnCapabilities(never);
  t.equal(client.capabilities.pushNumber, false, 'a TRASA v1.1 server has none');
});

t.test('capabilities are refreshed in the background, at most every minute', async t => {
  let now = 1_000_000;
  const asked = Promise.withResolvers<void>();
  const server = await startTrasa(t, identity, response => {
    envelope(response, { status: 'success' });
    if (server.received.length === 2) asked.resolve();
  });
  const client = clientOf(t, server.url, {}, { monotonicNow: () => now });
  await client.learnCapabilities(never);
  now += 59_999;
  client.refreshCapabilities();
  await client.nix({ attempt: anAttempt(), trasaID: 'alice', proof: aCode }, never);
  t.same(
    server.received.map(({ path }) => path),
    ['/auth/agent/checkconfig', '/auth/agent/nix'],
  );
  now += 1;
  client.refreshCapabilities();
  client.refreshCapabilities();
  await client.nix({ attempt: anAttempt(), trasaID: 'alice', proof: aCode }, never);
  await asked.promise;
  t.equal(server.received.filter(({ path }) => path === '/auth/agent/checkconfig').length, 2);
});

t.test('a server that is not there leaves capabilities unknown, and nothing throws', async t => {
  const client = clientOf(t, await closedPort());
  await client.learnCapabilities(never);
  t.equal(client.capabilities.pushNumber, false);
  client.close();
  client.refreshCapabilities();
});

t.test('the answer may repeat our attempt', async t => {
  const data = [{ attempt: anAttempt().id, push: 'expired' }];
  const server = await startTrasa(t, identity, response =>
    envelope(response, { status: 'failed', reason: 'U2F_FAILED', data }),
  );
  t.match(await ask(clientOf(t, server.url), aPush), { kind: 'answered', envelope: { push: 'expired' } });
});

t.test('codes share one warm connection', async t => {
  const server = await yes(t);
  const client = clientOf(t, server.url);
  for (let i = 0; i < 5; i++) await ask(client, aCode);
  await client.checkConfig(never);
  t.equal(server.received.length, 6);
  t.equal(server.connections(), 1);
});

t.test('a push has a connection of its own', async t => {
  const server = await yes(t);
  const client = clientOf(t, server.url);
  await ask(client, aCode);
  await ask(client, aPush);
  await ask(client, aCode);
  t.equal(server.connections(), 2);
  t.equal(server.received[1]?.headers.connection, 'close');
});

t.test('a push may take longer than a code', async t => {
  const server = await startTrasa(t, identity, response => {
    const timer = setTimeout(() => envelope(response, { status: 'success' }), 300);
    t.teardown(() => clearTimeout(timer));
  });
  const client = clientOf(t, server.url, { responseTimeoutMs: 100 });
  const push = await ask(client, aPush);
  t.match(push, { kind: 'answered' });
  t.ok(push.kind === 'answered' && push.elapsedMs >= 290, 'and how long it took is said');
  t.match(await ask(client, aCode), { kind: 'unavailable', cause: 'timeout' });
});

t.test('an abort closes the request, so that the server can take the push back', async t => {
  const arrived = Promise.withResolvers<void>();
  const server = await startTrasa(t, identity, () => arrived.resolve());
  const abort = new AbortController();
  const pending = ask(clientOf(t, server.url), aPush, {}, abort.signal);
  await arrived.promise;
  abort.abort();
  t.match(await pending, { kind: 'unavailable', detail: 'cancelled' });
  await server.abandoned;
});

t.test('an abort in the middle of the body closes the request', async t => {
  const begun = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const url = await startMisbehaving(t, identity, socket => {
    socket.on('close', () => closed.resolve());
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 34\r\n\r\n{"status":', () => begun.resolve());
  });
  const abort = new AbortController();
  const pending = ask(clientOf(t, url), aCode, {}, abort.signal);
  await begun.promise;
  abort.abort();
  t.match(await pending, { kind: 'unavailable', detail: 'cancelled' });
  await closed.promise;
});

t.test('an abort in the TLS handshake closes the connection', async t => {
  const connected = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const url = await startTcp(t, socket => {
    socket.on('close', () => closed.resolve());
    socket.once('data', () => connected.resolve());
  });
  const abort = new AbortController();
  const pending = ask(clientOf(t, url, { tlsTimeoutMs: 60_000 }), aPush, {}, abort.signal);
  await connected.promise;
  abort.abort();
  t.match(await pending, { kind: 'unavailable', detail: 'cancelled' });
  await closed.promise;
});

t.test('a login that was given up before sends nothing', async t => {
  const server = await yes(t);
  t.match(await ask(clientOf(t, server.url), aPush, {}, AbortSignal.abort()), { detail: 'cancelled' });
  t.equal(server.received.length, 0);
});

t.test('the next server is asked if one cannot be reached, and stays the first while it is good', async t => {
  const down = await closedPort();
  const up = await yes(t);
  const client = clientOf(t, [down, up.url]);
  t.match(await ask(client, aCode), { kind: 'answered', server: up.url.origin });

  const third = await yes(t);
  const both = clientOf(t, [down, up.url, third.url]);
  await ask(both, aCode);
  await ask(both, aCode);
  t.equal(third.received.length, 0);
});

t.test('the last good server is asked first', async t => {
  let lame = true;
  const first = await startTrasa(t, identity, response => {
    if (lame) response.writeHead(503).end();
    else envelope(response, { status: 'success' });
  });
  const second = await yes(t);
  const client = clientOf(t, [first.url, second.url]);
  await ask(client, aCode);
  lame = false;
  t.match(await ask(client, aCode), { server: second.url.origin });
  t.equal(first.received.length, 1);
});

t.test('when the last good server is gone, each of the others is asked, and none twice', async t => {
  let lame = false;
  const first = await startTrasa(t, identity, response => {
    if (lame) response.writeHead(503).end();
    else envelope(response, { status: 'success' });
  });
  const second = await yes(t);
  const client = clientOf(t, [first.url, second.url]);
  t.match(await ask(client, aCode), { server: first.url.origin });
  lame = true;
  t.match(await ask(client, aCode), { kind: 'answered', server: second.url.origin });
  t.equal(first.received.length, 2);
});

t.test('servers that are all away are away, and no server at all is a fault of the configuration', async t => {
  const [one, two] = [await closedPort(), await closedPort()];
  t.match(await ask(clientOf(t, [one, two]), aCode), { kind: 'unavailable', cause: 'unreachable', server: two.origin });
  t.match(await ask(clientOf(t, []), aCode), { kind: 'unavailable', cause: 'configuration' });
});

t.test('a server whose TLS is not trusted gets nothing, and the next is asked', async t => {
  const stranger = await startTrasa(t, makeIdentity({ names: loopback }), response =>
    envelope(response, { status: 'success' }),
  );
  const good = await yes(t);
  t.match(await ask(clientOf(t, [stranger.url, good.url]), aPush), { kind: 'answered', server: good.url.origin });
  t.equal(stranger.received.length, 0);
});

t.test('a request that a server may have handled is not sent to another', async t => {
  const second = await yes(t);
  const lost = await startMisbehaving(t, identity, (_socket, tcp) => tcp.resetAndDestroy());
  const silent = await startMisbehaving(t, identity, () => {});
  const html = await startMisbehaving(t, identity, s => s.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n<'));
  const gateway = await startMisbehaving(t, identity, s => s.end('HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n'));
  const broken = await startMisbehaving(t, identity, s => s.end('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n'));
  const timeouts = { responseTimeoutMs: 200, pushTimeoutMs: 200 };
  for (const first of [lost, silent, html, gateway, broken])
    for (const proof of [aCode, aPush])
      t.match(await ask(clientOf(t, [first, second.url], timeouts), proof), {
        kind: 'unavailable',
        server: first.origin,
      });
  t.equal(second.received.length, 0);
  t.match(await clientOf(t, [gateway, second.url]).checkConfig(never), { kind: 'answered' }, 'but a harmless one is');
});

t.test('a late 503 does not say that the request was not handled', async t => {
  let now = 0;
  const first = await startTrasa(t, identity, response => {
    now += 1_000;
    response.writeHead(503).end();
  });
  const second = await yes(t);
  const client = clientOf(t, [first.url, second.url], {}, { monotonicNow: () => now });
  t.match(await ask(client, aPush), { kind: 'unavailable', cause: 'server-error', detail: 'HTTP 503' });
  t.equal(second.received.length, 0);
});

t.test('if no server answers, each one is named, and the strictest cause counts', async t => {
  const stranger = await startTrasa(t, makeIdentity({ names: loopback }), response => envelope(response, {}));
  const down = await closedPort();
  const delivery = await ask(clientOf(t, [stranger.url, down]), aCode);
  t.match(delivery, { kind: 'unavailable', cause: 'tls', server: down.origin });
  if (delivery.kind !== 'unavailable') return;
  t.match(delivery.detail, `${stranger.url.origin}: no TLS with`);
  t.match(delivery.detail, `; ${down.origin}: no connection to`);
});

t.test('Retry-After is obeyed on 429 while there is time', async t => {
  const server = await startTrasa(t, identity, response => {
    if (server.received.length < 3) response.writeHead(429, { 'Retry-After': '0' }).end();
    else envelope(response, { status: 'success' });
  });
  t.match(await ask(clientOf(t, server.url), aCode), { kind: 'answered' });
  t.equal(server.received.length, 3);
});

t.test('who is told to come back too late is told so at once', async t => {
  const server = await startTrasa(t, identity, response => response.writeHead(429, { 'Retry-After': '90' }).end());
  t.match(await ask(clientOf(t, server.url), aCode), {
    kind: 'unavailable',
    cause: 'rate-limited',
    detail: 'HTTP 429, to be asked again in 90 s',
  });
  t.equal(server.received.length, 1);
});

t.test('the wait that the server asks for is kept', async t => {
  const times: number[] = [];
  const server = await startTrasa(t, identity, response => {
    times.push(performance.now());
    if (times.length === 1) response.writeHead(429, { 'Retry-After': '1' }).end();
    else envelope(response, { status: 'success' });
  });
  t.match(await ask(clientOf(t, server.url), aCode), { kind: 'answered' });
  t.ok((times[1] ?? 0) - (times[0] ?? 0) > 900);
});

t.test('no status but 200 is a verdict, at the edges either', async t => {
  for (const [status, cause] of [
    [201, 'bad-answer'],
    [299, 'bad-answer'],
    [300, 'refused'],
    [399, 'refused'],
    [400, 'refused'],
    [499, 'refused'],
    [500, 'server-error'],
    [599, 'server-error'],
  ] as const) {
    const server = await startTrasa(t, identity, response =>
      response.writeHead(status).end(JSON.stringify({ status: 'success' })),
    );
    const redirect = status >= 300 && status < 400 ? ' (redirects are not followed)' : '';
    const detail = `HTTP ${status}${redirect}`;
    t.match(await ask(clientOf(t, server.url), aCode), { kind: 'unavailable', cause, detail });
  }
});

t.test('a server that always says 429 is not asked in a tight loop', async t => {
  const past = { 'Retry-After': 'Thu, 01 Jan 1970 00:00:00 GMT' };
  const server = await startTrasa(t, identity, response => response.writeHead(429, past).end());
  t.match(await ask(clientOf(t, server.url), aCode), { kind: 'unavailable', cause: 'rate-limited' });
  t.equal(server.received.length, 4);
});

t.test('an abort ends the wait for Retry-After', async t => {
  const abort = new AbortController();
  const server = await startTrasa(t, identity, response => {
    response.writeHead(429, { 'Retry-After': '50' }).end(() => setTimeout(() => abort.abort(), 20));
  });
  const pending = ask(clientOf(t, server.url, { responseTimeoutMs: 60_000 }), aCode, {}, abort.signal);
  t.match(await pending, { kind: 'unavailable', detail: 'cancelled' });
});
