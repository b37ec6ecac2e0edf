/** Tape archives (POSIX.1-1988 ustar) of files of any length, as a stream. */

export interface TarEntry {
  /** At most 100 bytes, in ASCII. */
  readonly name: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

/** What comes before the contents. */
export function tarHeader({ name, bytes, modifiedAt }: TarEntry): Buffer {
  const header = Buffer.alloc(blockBytes);
  header.write(name, 0, 100, 'ascii');
  header.write('0000600\0', 100);
  header.write(octal(0, 8), 108); // owner
  header.write(octal(0, 8), 116); // group
  header.write(octal(bytes, 12), 124);
  header.write(octal(Math.floor(modifiedAt / 1000), 12), 136);
  header.write(' '.repeat(8), 148);
  header.write('0', 156); // a regular file
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** What comes behind the contents. */
export function tarPadding(bytes: number): Buffer {
  return Buffer.alloc((blockBytes - (bytes % blockBytes)) % blockBytes);
}

export const tarEnd: Buffer = Buffer.alloc(1024);

const blockBytes = 512;

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`;
}
