/**
 * What the agent says to the person. All of it by writeSync: a Node stream over descriptor 0, 1 or 2 makes a pipe
 * non-blocking for everybody who shares it, and puts another open file in the place of a terminal. The shell
 * that follows would have both.
 */
import { writeSync } from 'node:fs';

/** One line on standard error; standard output belongs to the command. */
export function say(line: string): void {
  writeAll(2, `trasa-agent: ${line}\n`);
}

/** Writes all of `text` and minds nothing: whoever was to read it may be gone. */
export function writeAll(fd: number, text: string): void {
  let bytes = Buffer.from(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(fd, bytes));
  } catch {
    // EPIPE, EIO: nobody listens any more
  }
}

/**
 * Keeps Node from making that stream by itself: it asks for `process.stderr` whenever a socket is closed (lib/net.js,
 * Socket._destroy), and the stream is made when it is first asked for.
 */
export function replaceStandardError(): void {
  const value = { write: (text: string): boolean => (writeAll(2, text), true) };
  Object.defineProperty(process, 'stderr', { value, configurable: true });
}
