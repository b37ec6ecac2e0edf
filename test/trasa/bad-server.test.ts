/** Whatever a server does wrong: no entry, and a cause and a detail that tell it from all the others. */
import { inspect } from 'node:util';
import t, { type Test } from 'tap';
import type { ServerSettings } from '../../src/config/config.ts';
import { Secret } from '../../src/otp/secret.ts';
import type { Outcome } from '../../src/policy/decision.ts';
import { TrasaClient } from '../../src/trasa/client.ts';
import type { Network } from '../../src/trasa/delivery.ts';
import { TrasaServerVerifier } from '../../src/verifiers/trasa-server.ts';
import {
  closedPort,
  envelope,
  startBlackHole,
  startHasty,
  startMisbehaving,
  startTcp,
  startTrasa,
} from '../helpers/bad-server.ts';
import { anAttempt } from '../helpers/fake-ports.ts';
import { loopback, makeIdentity } from '../helpers/tls.ts';
import { code, serviceKey, settingsFor } from './settings.ts';

const ca = makeIdentity();
const identity = makeIdentity({ names: loopback, issuer: ca });
const never = new AbortController().signal;
const success = '{"status":"success","data":[null]}';
const http = (status: string, body = '', headers = '') =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;

/** Of a server of which no answer will come. */
const late = { responseTimeoutMs: 300 };

/** What comes of one code; and no secret in it. */
async function outcomeFrom(
  t: Test,
  url: URL,
  changes: Partial<ServerSettings> = {},
  network: Partial<Network> = {},
): Promise<Outcome> {
  const client = new TrasaClient(settingsFor(url, { ca: ca.cert, ...changes }), 'host-1', network);
  t.teardown(() => client.close());
  const proof = { factor: 'totp', code: new Secret(code) } as const;
  const verification = await new TrasaServerVerifier(client).verify(anAttempt(), 'alice', proof, never);
  t.equal(verification.server, url.origin);
  noSecretIn(t, verification);
  return verification.outcome;
}

function noSecretIn(t: Test, value: unknown): void {
  const text = inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true });
  t.notOk(text.includes(serviceKey) || text.includes(code), 'no secret');
}

/** A 200 with this body. */
const body = (text: string) => async (t: Test) => await startMisbehaving(t, identity, s => s.end(http('200 OK', text)));
/** An answer in these words. */
const says = (text: string) => async (t: Test) => await startMisbehaving(t, identity, s => s.end(text));

interface Case {
  readonly title: string;
  readonly start: (t: Test) => Promise<URL>;
  readonly cause: string;
  readonly detail: RegExp;
  readonly settings?: Partial<ServerSettings>;
}

const cases: readonly Case[] = [
  {
    title: 'down',
    start: closedPort,
    cause: 'unreachable',
    detail: /^no connection to 127.0.0.1:\d+ \(ECONNREFUSED\)$/,
  },
  {
    title: 'a black hole',
    start: startBlackHole,
    cause: 'unreachable',
    detail: /^no connection to 127.0.0.1:\d+ within 300 ms$/,
    settings: { connectTimeoutMs: 300 },
  },
  {
    title: 'reset before TLS',
    start: async t => await startTcp(t, s => s.resetAndDestroy()),
    cause: 'unreachable',
    detail: /^(no connection to .*|connection to .* lost in the TLS handshake) \(ECONNRESET\)$/,
  },
  {
    title: 'reset in the TLS handshake',
    start: async t => await startTcp(t, s => s.once('data', () => s.resetAndDestroy())),
    cause: 'unreachable',
    detail: /lost in the TLS handshake \(ECONNRESET\)$/,
  },
  {
    title: 'silent in the TLS handshake',
    start: async t => await startTcp(t, () => {}),
    cause: 'timeout',
    detail: /^no TLS handshake with 127.0.0.1:\d+ within 300 ms$/,
    settings: { tlsTimeoutMs: 300 },
  },
  {
    title: 'plain HTTP',
    start: async t => await startTcp(t, s => s.once('data', () => s.end('HTTP/1.1 400 Bad Request\r\n\r\n'))),
    cause: 'tls',
    detail: /^no TLS with 127.0.0.1:\d+ \(ERR_SSL_/,
  },
  {
    title: 'reset after the request',
    start: async t => await startMisbehaving(t, identity, (_s, tcp) => tcp.resetAndDestroy()),
    cause: 'unreachable',
    detail: /^connection lost before the answer \(ECONNRESET\)$/,
  },
  {
    title: 'closed in the headers',
    start: says('HTTP/1.1 200 OK\r\nContent-Le'),
    cause: 'unreachable',
    detail: /^connection lost before the answer/,
  },
  {
    title: 'closed in the body',
    start: says(`HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n${success}`),
    cause: 'bad-answer',
    detail: /^answer cut short/,
  },
  {
    title: 'silent after the request',
    start: async t => await startMisbehaving(t, identity, () => {}),
    cause: 'timeout',
    detail: /^no whole answer within 300 ms$/,
    settings: late,
  },
  {
    title: 'silent in the body',
    start: async t =>
      await startMisbehaving(t, identity, s => s.write('HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{')),
    cause: 'timeout',
    detail: /^no whole answer within 300 ms$/,
    settings: late,
  },
  {
    title: 'an endless drip of headers',
    start: async t => await startMisbehaving(t, identity, s => drip(t, s, 'HTTP/1.1 200 OK\r\n', 'X-A: b\r\n')),
    cause: 'timeout',
    detail: /^no whole answer within 300 ms$/,
    settings: late,
  },
  {
    title: 'an endless drip of interim answers',
    start: async t => await startMisbehaving(t, identity, s => drip(t, s, '', 'HTTP/1.1 102 Processing\r\n\r\n')),
    cause: 'timeout',
    detail: /^no whole answer within 300 ms$/,
    settings: late,
  },
  {
    title: 'an endless drip of bytes',
    start: async t =>
      await startMisbehaving(t, identity, s =>
        drip(t, s, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\n \r\n'),
      ),
    cause: 'timeout',
    detail: /^no whole answer within 300 ms$/,
    settings: late,
  },
  {
    title: 'an answer after the deadline',
    start: async t =>
      await startMisbehaving(t, identity, s => {
        const answer = setTimeout(() => s.end(http('200 OK', success)), 600);
        t.teardown(() => clearTimeout(answer));
      }),
    cause: 'timeout',
    detail: /^no whole answer within 300 ms$/,
    settings: late,
  },
  {
    title: 'an answer before it was asked',
    start: async t => await startHasty(t, identity, s => s.end('SSH-2.0-OpenSSH_9.2\r\n')),
    cause: 'bad-answer',
    detail: /^an answer that is not HTTP \(HPE_/,
  },
  {
    title: 'not HTTP',
    start: says('220 mail.example.com ESMTP\r\n'),
    cause: 'bad-answer',
    detail: /^an answer that is not HTTP \(HPE_/,
  },
  {
    title: 'endless headers',
    start: says(`HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n`),
    cause: 'bad-answer',
    detail: /^an answer that is not HTTP \(HPE_HEADER_OVERFLOW\)$/,
  },
  {
    title: 'two contradictory lengths',
    start: says(`HTTP/1.1 200 OK\r\nContent-Length: 34\r\nTransfer-Encoding: chunked\r\n\r\n${success}`),
    cause: 'bad-answer',
    detail: /^an answer that is not HTTP \(HPE_/,
  },
  {
    title: 'HTML',
    start: body('<html><title>Sign in</title>'),
    cause: 'bad-answer',
    detail: /^HTML instead of an answer$/,
  },
  { title: 'truncated JSON', start: body(success.slice(0, -1)), cause: 'bad-answer', detail: /^no JSON instead/ },
  { title: 'an empty body', start: body(''), cause: 'bad-answer', detail: /^an empty body instead/ },
  { title: 'a list', start: body(`[${success}]`), cause: 'bad-answer', detail: /^JSON that is no object instead/ },
  {
    title: 'a status twice',
    start: body('{"status":"failed","status":"success"}'),
    cause: 'bad-answer',
    detail: /^no JSON instead/,
  },
  ...[
    '{}',
    '{"status":"Success"}',
    '{"status":["success"]}',
    '{"status":true}',
    '{"status":null}',
    '{"status":"SUCCESS"}',
  ].map(
    (text): Case => ({
      title: `the body ${text}`,
      start: body(text),
      cause: 'bad-answer',
      detail: /^a status that is neither success nor failed instead/,
    }),
  ),
  {
    title: 'success compressed, unasked',
    start: says(http('200 OK', '\u001f\u008b\u0008', 'Content-Encoding: gzip\r\n')),
    cause: 'bad-answer',
    detail: /^no JSON instead/,
  },
  {
    title: 'an answer for another attempt',
    start: body('{"status":"success","data":[{"attempt":"01JD0000000000000000000001"}]}'),
    cause: 'bad-answer',
    detail: /^answer for another attempt$/,
  },
  { title: '204', start: says('HTTP/1.1 204 No Content\r\n\r\n'), cause: 'bad-answer', detail: /^HTTP 204$/ },
  { title: '206', start: says(http('206 Partial Content', success)), cause: 'bad-answer', detail: /^HTTP 206$/ },
  { title: '400', start: says(http('400 Bad Request', success)), cause: 'refused', detail: /^HTTP 400$/ },
  { title: '403', start: says(http('403 Forbidden', success)), cause: 'refused', detail: /^HTTP 403$/ },
  { title: '404', start: says(http('404 Not Found', success)), cause: 'refused', detail: /^HTTP 404$/ },
  { title: '500', start: says(http('500 Oops', success)), cause: 'server-error', detail: /^HTTP 500$/ },
  { title: '502', start: says(http('502 Bad Gateway', success)), cause: 'server-error', detail: /^HTTP 502$/ },
  { title: '503', start: says(http('503 Unavailable', success)), cause: 'server-error', detail: /^HTTP 503$/ },
  {
    title: '429 with an absurd Retry-After',
    start: says(http('429 Slow', success, 'Retry-After: 99999999999\r\n')),
    cause: 'rate-limited',
    detail: /^HTTP 429, to be asked again in 99999999999 s$/,
  },
  {
    title: '429 without Retry-After, for longer than there is time',
    start: says(http('429 Slow', success)),
    cause: 'rate-limited',
    detail: /^HTTP 429, to be asked again in 1 s$/,
    settings: { responseTimeoutMs: 900 },
  },
  {
    title: 'a self-signed certificate',
    start: async t => await running(t, makeIdentity({ names: loopback })),
    cause: 'tls',
    detail: /\(DEPTH_ZERO_SELF_SIGNED_CERT\)$/,
  },
  {
    title: 'a certificate of another CA',
    start: async t => await running(t, makeIdentity({ names: loopback, issuer: makeIdentity() })),
    cause: 'tls',
    detail: /\(SELF_SIGNED_CERT_IN_CHAIN\)$/,
  },
  {
    title: 'an expired certificate',
    start: async t => await running(t, makeIdentity({ names: loopback, issuer: ca, expired: true })),
    cause: 'tls',
    detail: /\(CERT_HAS_EXPIRED\); is this host's clock right\?$/,
  },
  {
    title: "a certificate in another's name",
    start: async t => await running(t, makeIdentity({ names: ['DNS:other.example'], issuer: ca })),
    cause: 'tls',
    detail: /\(ERR_TLS_CERT_ALTNAME_INVALID\)$/,
  },
  {
    title: 'a certificate that matches no pin',
    start: async t => await running(t, identity),
    cause: 'tls',
    detail: /: certificate matches no pin$/,
    settings: { pins: [makeIdentity({ names: loopback }).pin] },
  },
];

for (const { title, start, cause, detail, settings } of cases)
  t.test(`a server that is, or answers: ${title}`, async t => {
    const outcome = await outcomeFrom(t, await start(t), settings);
    t.match(outcome, { kind: 'unavailable', cause, detail });
  });

t.test('a body of 100 MB is not read on after its bound', async t => {
  let written = 0;
  const closed = Promise.withResolvers<void>();
  const url = await startMisbehaving(t, identity, socket => {
    socket.on('close', () => closed.resolve());
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n{"status":"success","x":"`);
    const chunk = 'x'.repeat(10_000);
    const flood = () => {
      while (written < 100_000_000 && socket.writable) {
        written += chunk.length;
        if (!socket.write(chunk)) return;
      }
    };
    socket.on('drain', flood);
    flood();
  });
  t.match(await outcomeFrom(t, url), {
    kind: 'unavailable',
    cause: 'bad-answer',
    detail: /^answer over 65536 bytes$/,
  });
  await closed.promise;
  t.ok(written < 50_000_000, 'the connection was closed');
});

t.test('a redirect is not followed, wherever it leads', async t => {
  const elsewhere = await startTrasa(t, identity, response => envelope(response, { status: 'success' }));
  for (const status of [301, 302, 303, 307, 308]) {
    const url = await startMisbehaving(t, identity, socket =>
      socket.end(http(`${status} Moved`, success, `Location: ${elsewhere.url.href}auth/agent/nix\r\n`)),
    );
    t.match(await outcomeFrom(t, url), {
      kind: 'unavailable',
      cause: 'refused',
      detail: `HTTP ${status} (redirects are not followed)`,
    });
  }
  t.equal(elsewhere.connections(), 0);
});

t.test('a name that is not resolved in time is a connection that is not made in time', async t => {
  const outcome = await outcomeFrom(
    t,
    new URL('https://slow.example'),
    { connectTimeoutMs: 300 },
    { lookup: () => {} },
  );
  t.match(outcome, { cause: 'unreachable', detail: 'no connection to slow.example:443 within 300 ms' });
});

const unknownName: Network['lookup'] = (_hostname, _options, callback) =>
  callback(Object.assign(new Error('x'), { code: 'ENOTFOUND' }), '');

t.test('a name that does not exist is said', async t => {
  const outcome = await outcomeFrom(t, new URL('https://nowhere.example'), {}, { lookup: unknownName });
  t.match(outcome, { cause: 'unreachable', detail: 'no connection to nowhere.example:443 (ENOTFOUND)' });
});

/** A server that would say yes. */
async function running(t: Test, as: typeof identity): Promise<URL> {
  return (await startTrasa(t, as, response => envelope(response, { status: 'success' }))).url;
}

function drip(t: Test, socket: { write(text: string): unknown; writable: boolean }, first: string, drop: string): void {
  socket.write(first);
  const timer = setInterval(() => socket.writable && socket.write(drop), 20);
  t.teardown(() => clearInterval(timer));
}
