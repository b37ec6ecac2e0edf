import { fstatSync } from 'node:fs';
import type { Server } from 'node:net';
import { removeStaleSocket } from '../host/stale-socket.ts';

/** Where connections come from. */
export type Place =
  /** A path of our own; it goes away with us. */
  | { readonly kind: 'path'; readonly path: string }
  /** A listening socket from systemd; it stays, and keeps connections waiting while we restart. */
  | { readonly kind: 'inherited'; readonly fd: number };

/** The first descriptor that systemd passes (SD_LISTEN_FDS_START, sd_listen_fds(3)), and pam_trasa's `agent=`. */
export const firstInherited = 3;

/**
 * The socket that systemd has passed to this process; undefined if none was. Throws if it is not one socket: whoever
 * wrote the unit meant something that we cannot guess.
 */
export function inheritedPlace(env: Readonly<Record<string, string | undefined>>, pid: number): Place | undefined {
  // Meant for another process, which did not clean up (sd_listen_fds(3)).
  if (env['LISTEN_FDS'] === undefined || env['LISTEN_PID'] !== String(pid)) return undefined;
  if (env['LISTEN_FDS'] !== '1') throw new Error(`systemd passed ${env['LISTEN_FDS']} sockets, and one is expected`);
  if (!fstatSync(firstInherited).isSocket()) throw new Error('what systemd passed is not a socket');
  return { kind: 'inherited', fd: firstInherited };
}

/** A connect(2) beyond it fails with EAGAIN. The kernel lowers it to net.core.somaxconn, 4096 as a rule. */
const backlog = 4096;

/** Starts to listen. Rejects with the reason if that cannot be. */
export async function listen(server: Server, place: Place): Promise<void> {
  if (place.kind === 'path') await removeStaleSocket(place.path, 'daemon');
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // Open to everybody by design: the kernel tells who calls, and the daemon decides what they may ask.
    server.listen(
      place.kind === 'inherited'
        ? { fd: place.fd }
        : { path: place.path, readableAll: true, writableAll: true, backlog },
      () => {
        server.off('error', reject);
        resolve();
      },
    );
  });
}
