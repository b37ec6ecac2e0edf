import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { pinOf } from '../tls/pin.ts';

const maxReplyBytes = 262_144;

/**
 * POSTs JSON over a TLS connection of its own and returns the body of a 200. With a pin, that is what proves the
 * server, before a byte is sent; names and expiry do not matter then. Rejects for everything else that can happen.
 */
export async function pinnedPost(
  server: URL,
  pin: string | undefined,
  path: string,
  body: string,
  signal: AbortSignal,
): Promise<string> {
  const socket = await connectPinned(server, pin, signal);
  try {
    return await post(socket, server, path, body, signal);
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

async function post(socket: TLSSocket, server: URL, path: string, body: string, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const outgoing = request({
    createConnection: () => socket,
    method: 'POST',
    path,
    headers: { host: server.host, 'content-type': 'application/json', connection: 'close' },
    signal,
  });
  outgoing.on('error', reject);
  outgoing.on('response', response => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('error', reject);
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxReplyBytes) response.destroy(new Error('the reply is too long'));
      else chunks.push(chunk);
    });
    response.on('end', () => {
      if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(new Error(`HTTP status ${response.statusCode}`));
    });
    response.on('close', () => reject(new Error('the reply was cut short'))); // after `end` this changes nothing
  });
  outgoing.end(body);
  return await promise;
}
