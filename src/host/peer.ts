import type { Socket } from 'node:net';
import { native } from './native.ts';

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who is at the other end of a Unix socket: the kernel's word, as of the peer's connect(2) (unix(7), SO_PEERCRED).
 * Undefined if it cannot be told (closed already, not a Unix socket): nobody we know.
 */
export function peerCredentials(socket: Socket): PeerCredentials | undefined {
  const fd = descriptorOf(socket);
  if (fd === undefined) return undefined;
  try {
    return native().peerCredentials(fd);
  } catch {
    return undefined;
  }
}

/** The one place that knows where Node keeps a socket's descriptor. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd = typeof handle === 'object' && handle !== null && 'fd' in handle ? handle.fd : undefined;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined; // -1 once it is closed
}
