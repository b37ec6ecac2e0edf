import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';

/**
 * Removes a socket file that a killed process left behind. One that answers is somebody's, and anything else is no socket:
 * then it throws.
 *
 * @param whose what would listen there: a daemon, a proxy
 */
export async function removeStaleSocket(path: string, whose: string): Promise<void> {
  lstatSync(dirname(path)); // to say ENOENT for a missing directory, which libuv calls EACCES
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} exists and is not a socket`);
  if (await answers(path)) throw new Error(`another ${whose} listens on ${path}`);
  unlinkSync(path);
}

async function answers(path: string): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}
