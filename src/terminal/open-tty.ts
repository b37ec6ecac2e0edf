import { closeSync, constants, openSync } from 'node:fs';
import { isatty, ReadStream } from 'node:tty';

export interface OpenTty {
  readonly fd: number;
  /** To be read by `resume()` and `pause()`, and written. */
  readonly stream: ReadStream;
}

/**
 * The session's terminal, opened anew: with an open file description of its own, so that nothing that is done to it
 * (O_NONBLOCK above all) shows on descriptors 0 to 2, which the shell will have. Undefined if there is none.
 *
 * One byte is read at a time, so that what is typed behind the answer stays in the kernel, for the shell.
 * @param take is given each byte; false: no more of them
 */
export function openTty(take: (byte: number) => boolean): OpenTty | undefined {
  const fd = openDevice();
  if (fd === undefined) return undefined;
  const buffer = new Uint8Array(1);
  const callback = (): boolean => take(buffer[0] ?? 0);
  try {
    return { fd, stream: new ReadStream(fd, { onread: { buffer, callback } }) };
  } catch {
    closeSync(fd); // the terminal has just gone
    return undefined;
  }
}

/** /dev/tty, or standard input if that is a terminal, though not the controlling one. */
function openDevice(): number | undefined {
  for (const path of isatty(0) ? ['/dev/tty', '/proc/self/fd/0'] : ['/dev/tty']) {
    try {
      return openSync(path, constants.O_RDWR | constants.O_NOCTTY);
    } catch {
      // ENXIO: no controlling terminal
    }
  }
  return undefined;
}
