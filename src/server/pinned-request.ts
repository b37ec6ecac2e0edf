import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { systemCas } from '../trasa/system-cas.ts';
import { pinOf } from './tls/pin.ts';

export interface PinnedRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Of the reply's body; 256 KiB, if nothing else is said. */
  readonly maxBytes?: number;
}

export interface PinnedReply {
  readonly status: number;
  readonly body: Buffer;
}

/** POSTs JSON, and returns the body of a 200. Rejects for everything else that can happen. */
export async function pinnedPost(
  server: URL,
  pin: string | undefined,
  path: string,
  body: string,
  signal: AbortSignal,
): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const reply = await pinnedRequest(server, pin, { method: 'POST', path, headers, body }, signal);
  if (reply.status !== 200) throw new Error(`HTTP status ${reply.status}`);
  return reply.body.toString('utf8');
}

/**
 * Asks over a TLS connection of its own. With a pin, that is what proves the server, before a byte is sent; names and
 * expiry do not matter then. Without one the system's CAs do. Rejects with an Error if there is no whole reply.
 */
export async function pinnedRequest(
  server: URL,
  pin: string | undefined,
  what: PinnedRequest,
  signal: AbortSignal,
): Promise<PinnedReply> {
  const socket = await connectPinned(server, pin, signal);
  try {
    return await exchange(socket, server, what, signal);
  } finally {
    socket.destroy();
  }
}

async function connectPinned(server: URL, pin: string | undefined, signal: AbortSignal): Promise<TLSSocket> {
  signal.throwIfAborted();
  const host = server.hostname.replace(/^\[|\]$/g, '');
  const socket = connect({
    host,
    port: Number(server.port === '' ? 443 : server.port),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    minVersion: 'TLSv1.2',
    ...(pin === undefined ? { ca: systemCas() } : {}),
    rejectUnauthorized: pin === undefined,
  });
  try {
    await once(socket, 'secureConnect', { signal });
    if (pin !== undefined && pinOf(new X509Certificate(socket.getPeerCertificate().raw)) !== pin)
      throw new Error('the server has another key than the pinned one');
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function exchange(
  socket: TLSSocket,
  server: URL,
  { method, path, headers, body, maxBytes = 262_144 }: PinnedRequest,
  signal: AbortSignal,
): Promise<PinnedReply> {
  const { promise, resolve, reject } = Promise.withResolvers<PinnedReply>();
  const outgoing = request({
    createConnection: () => socket,
    method,
    path,
    headers: { ...headers, host: server.host, connection: 'close' },
    signal,
  });
  outgoing.on('error', reject);
  outgoing.on('response', response => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('error', reject);
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) response.destroy(new Error('the reply is too long'));
      else chunks.push(chunk);
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
    response.on('close', () => reject(new Error('the reply was cut short'))); // after `end` this changes nothing
  });
  outgoing.end(body);
  return await promise;
}
