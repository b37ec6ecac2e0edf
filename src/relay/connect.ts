import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** In milliseconds, 3.5 s in all. */
export const usualPausesMs: readonly number[] = [10, 20, 50, 100, 200, 400, 700, 1_000, 1_000];

/**
 * Connects to the daemon. When its queue of connections is full, connect(2) fails with EAGAIN at once, however short the
 * rush: it is tried again after each of the pauses. Nothing else is.
 *
 * @param signal ends the waiting
 * @returns the reason if it cannot be
 */
export async function connectTo(
  path: string,
  pausesMs: readonly number[],
  signal: AbortSignal,
): Promise<Socket | Error> {
  for (const ms of pausesMs) {
    const found = await tryOnce(path);
    if (!isFull(found) || signal.aborted) return found;
    await pause(ms, undefined, { signal }).catch(() => {}); // aborted: one last try, and the caller looks why
  }
  return await tryOnce(path);
}

function isFull(found: Socket | NodeJS.ErrnoException): boolean {
  return found instanceof Error && found.code === 'EAGAIN';
}

async function tryOnce(path: string): Promise<Socket | NodeJS.ErrnoException> {
  return await new Promise(resolve => {
    const socket = connect({ path });
    socket.once('error', resolve);
    socket.once('connect', () => {
      socket.off('error', resolve);
      resolve(socket);
    });
  });
}
