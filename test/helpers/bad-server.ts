/** Servers for tests, on loopback: one that answers as it is told, and several that do not answer as they should. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { freePort } from './free-port.ts';
import type { Identity } from './tls.ts';

/** The part of tap's Test that is needed: servers end with their test. */
interface Owner {
  teardown(end: () => unknown): void;
}

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface FakeTrasa {
  readonly url: URL;
  readonly received: readonly Received[];
  /** TLS connections so far. */
  readonly connections: () => number;
  /** Settles when a client closes a request before it was answered. */
  readonly abandoned: Promise<void>;
  /** Closes every connection. */
  readonly hangUp: () => void;
}

/** An HTTPS server that records what it is asked, and answers with `answer`. */
export async function startTrasa(
  owner: Owner,
  identity: Identity,
  answer: (response: ServerResponse, request: Received) => void,
): Promise<FakeTrasa> {
  const received: Received[] = [];
  const abandoned = Promise.withResolvers<void>();
  let connections = 0;
  const server = https.createServer(identity, (request, response) => {
    response.on('close', () => {
      if (!response.writableFinished) abandoned.resolve();
    });
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const asked = { method, path, headers, body: Buffer.concat(chunks).toString() };
      received.push(asked);
      answer(response, asked);
    });
  });
  server.on('secureConnection', () => connections++);
  const url = await listen(owner, server);
  owner.teardown(() => server.closeAllConnections());
  return {
    url,
    received,
    connections: () => connections,
    abandoned: abandoned.promise,
    hangUp: () => server.closeAllConnections(),
  };
}

/** Answers in TRASA's envelope. */
export function envelope(response: ServerResponse, fields: Readonly<Record<string, unknown>>): void {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ data: [null], ...fields }));
}

/** A TLS server that reads one whole request and then leaves the socket, and the one below TLS, to `misbehave`. */
export async function startMisbehaving(
  owner: Owner,
  identity: Identity,
  misbehave: (socket: tls.TLSSocket, tcp: net.Socket) => void,
): Promise<URL> {
  const below = new Map<number | undefined, net.Socket>();
  const server = tls.createServer(identity, socket => {
    const tcp = below.get(socket.remotePort);
    own(owner, socket);
    let head = '';
    socket.on('data', chunk => {
      head += chunk.toString('latin1');
      if (head.endsWith('}') && tcp !== undefined) misbehave(socket, tcp); // the end of the JSON body
    });
  });
  server.on('connection', (tcp: net.Socket) => below.set(tcp.remotePort, tcp));
  return await listen(owner, server);
}

/** A TLS server that leaves the socket to `misbehave` before it was asked anything. */
export async function startHasty(
  owner: Owner,
  identity: Identity,
  misbehave: (socket: tls.TLSSocket) => void,
): Promise<URL> {
  const server = tls.createServer(identity, socket => {
    own(owner, socket);
    misbehave(socket);
  });
  return await listen(owner, server);
}

/** A TCP server that speaks no TLS. */
export async function startTcp(owner: Owner, misbehave: (socket: net.Socket) => void): Promise<URL> {
  const server = net.createServer(socket => {
    own(owner, socket);
    misbehave(socket);
  });
  return await listen(owner, server);
}

/** A port where nobody listens. */
export async function closedPort(): Promise<URL> {
  return new URL(`https://127.0.0.1:${await freePort()}`);
}

/** A port that swallows SYNs: its process is stopped and its queue of connections (listen(2), backlog) is full. */
export async function startBlackHole(owner: Owner): Promise<URL> {
  const script = `const s = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port));`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  owner.teardown(() => child.kill('SIGKILL'));
  const line: unknown = await once(child.stdout, 'data'); // a list of one chunk
  const port = Number(String(line));
  child.kill('SIGSTOP');
  for (let queued = true; queued; ) {
    const socket = net.connect(port, '127.0.0.1');
    own(owner, socket);
    queued = await new Promise(resolve => {
      socket.once('connect', () => resolve(true));
      // It may have come while this process was not looked after: what there is to read is read before setImmediate.
      socket.setTimeout(100, () => setImmediate(() => resolve(!socket.connecting)));
    });
  }
  return new URL(`https://127.0.0.1:${port}`);
}

export interface FakeProxy {
  readonly url: URL;
  /** Heads of the requests so far. */
  readonly heads: readonly string[];
}

/** An HTTP proxy that answers CONNECT with `reply`, and connects if that begins with a 200. */
export async function startProxy(owner: Owner, reply = 'HTTP/1.1 200 OK\r\n\r\n'): Promise<FakeProxy> {
  const heads: string[] = [];
  const server = net.createServer(socket => {
    own(owner, socket);
    socket.once('data', chunk => {
      const head = chunk.toString('latin1');
      heads.push(head);
      const [, host, port] = /^CONNECT ([^ ]+):(\d+) HTTP/.exec(head) ?? [];
      const upstream = net.connect(Number(port), host);
      own(owner, upstream);
      upstream.once('connect', () => {
        socket.write(reply);
        if (reply.startsWith('HTTP/1.1 200')) socket.pipe(upstream).pipe(socket);
      });
    });
  });
  const url = await listen(owner, server);
  return { url: new URL(`http://127.0.0.1:${url.port}`), heads };
}

async function listen(owner: Owner, server: net.Server): Promise<URL> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.teardown(() => server.close());
  return urlOf(server);
}

function urlOf(server: net.Server): URL {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP');
  return new URL(`https://127.0.0.1:${address.port}`);
}

function own(owner: Owner, socket: net.Socket): void {
  socket.on('error', () => {}); // the client hangs up on us, as it should
  owner.teardown(() => socket.destroy());
}
