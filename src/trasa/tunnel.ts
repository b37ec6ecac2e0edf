import type { Socket } from 'node:net';
import { unescape } from 'node:querystring';
import { ConnectTrouble } from './trouble.ts';

/** Most bytes of a proxy's answer to CONNECT. */
const maxReplyBytes = 8192;

/**
 * Asks an HTTP proxy for a tunnel (CONNECT, RFC 9110 §9.3.6) on a fresh connection to it. Returns when the tunnel
 * stands; throws {@link ConnectTrouble} if the proxy refuses, and what the socket throws. To abort it, destroy the
 * socket.
 *
 * @param target `host:port`, with IPv6 hosts in brackets
 */
export async function openTunnel(socket: Socket, proxy: URL, target: string): Promise<void> {
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${authorization(proxy)}\r\n`);
  const head = await readHead(socket);
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(head)?.[1];
  if (status === undefined) throw new ConnectTrouble('unreachable', 'the HTTP proxy did not answer in HTTP');
  if (!status.startsWith('2')) throw new ConnectTrouble('unreachable', `the HTTP proxy answered ${status} to CONNECT`);
}

function authorization(proxy: URL): string {
  if (proxy.username === '') return '';
  const credentials = `${unescape(proxy.username)}:${unescape(proxy.password)}`;
  return `Proxy-Authorization: Basic ${Buffer.from(credentials).toString('base64')}\r\n`;
}

/** The status line and headers. In TLS the client speaks first, so nothing may follow them. */
async function readHead(socket: Socket): Promise<string> {
  let reply = Buffer.alloc(0);
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    reply = Buffer.concat([reply, chunk]);
    const end = reply.indexOf('\r\n\r\n');
    if (end !== -1 && end === reply.length - 4) return reply.toString('latin1');
    if (end !== -1 || reply.length > maxReplyBytes)
      throw new ConnectTrouble('unreachable', 'the HTTP proxy answered CONNECT with more than an answer');
  }
  throw new ConnectTrouble('unreachable', 'the HTTP proxy closed the connection');
}
