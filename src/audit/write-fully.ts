import { writeSync } from 'node:fs';

/** Writes all of `text`, or throws. Synchronous on purpose: the door opens only after its line is written. */
export function writeFully(fd: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  let written = 0;
  let patience = maxWaits;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      // A pipe that somebody made non-blocking, and whose reader is slow: wait a little, but not for ever.
      if (!isFull(error) || patience-- === 0) throw error;
      Atomics.wait(pause, 0, 0, waitMs);
    }
  }
}

const maxWaits = 50;
const waitMs = 10;
const pause = new Int32Array(new SharedArrayBuffer(4));

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}
