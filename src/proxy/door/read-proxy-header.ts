import type { Socket } from 'node:net';
import { type ProxyHeader, parseProxyHeader } from './proxy-header.ts';

type WholeHeader = Exclude<ProxyHeader, { kind: 'unfinished' }>;

/** Reads it from a balancer's connection within `withinMs`, and leaves what follows it in the socket, paused. */
export async function readProxyHeader(socket: Socket, withinMs: number): Promise<WholeHeader> {
  const { promise, resolve } = Promise.withResolvers<WholeHeader>();
  let bytes = Buffer.alloc(0);
  const settle = (header: WholeHeader): void => {
    clearTimeout(timer);
    socket.off('data', read).off('close', close).off('end', close).pause();
    resolve(header);
  };
  const read = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    const header = parseProxyHeader(bytes);
    if (header.kind === 'unfinished') return;
    settle(header);
    if (header.kind !== 'malformed' && bytes.length > header.length) socket.unshift(bytes.subarray(header.length));
  };
  const close = (): void => settle({ kind: 'malformed', why: 'it closed the connection' });
  const timer = setTimeout(() => settle({ kind: 'malformed', why: 'it took too long' }), withinMs);
  socket
    .on('error', () => {})
    .on('close', close)
    .on('end', close)
    .on('data', read)
    .resume();
  return await promise;
}
