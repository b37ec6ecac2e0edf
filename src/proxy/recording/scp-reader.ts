/**
 * Listens to the legacy protocol of scp (`scp -t` and `scp -f` on the host; rcp's, as OpenSSH's scp.c has it) and tells of
 * each file that passed. One side sends lines, each of which the other answers with one byte, or with a complaint:
 *
 *     T<mtime> 0 <atime> 0    times of the next one
 *     C<mode> <size> <name>   a file: its bytes follow, then a mark like an answer
 *     D<mode> 0 <name>        into a directory
 *     E                       out of it
 */
import { createHash, type Hash } from 'node:crypto';
import { type FileEvents, nameFacts, type Tell } from './file-events.ts';

/** Who sends files. Undefined: it is not scp that is asked for. */
export function scpSender(command: string): 'client' | 'host' | undefined {
  const [program = '', ...words] = command.trim().split(/\s+/);
  if (!/^(?:\/\S*\/)?scp$/.test(program)) return undefined;
  const end = words.findIndex(word => !/^-[A-Za-z]+$/.test(word));
  const letters = words.slice(0, end === -1 ? undefined : end).join('');
  if (letters.includes('t') === letters.includes('f')) return undefined;
  return letters.includes('t') ? 'client' : 'host';
}

const maxLineBytes = 8192;
const maxDepth = 1000;

interface File {
  readonly name: Buffer;
  readonly mode: string;
  readonly size: number;
  readonly hash: Hash;
  bytes: number;
}

export class ScpReader implements FileEvents {
  readonly #sender: 'client' | 'host';
  readonly #tell: Tell;
  readonly #folders: Buffer[] = [];
  readonly #lines: { readonly sent: Line; readonly answered: Line };
  #file: File | undefined;
  /** Into a directory, and it is not known yet whether the other side has it. */
  #isEntering = false;

  constructor(sender: 'client' | 'host', tell: Tell) {
    this.#sender = sender;
    this.#tell = tell;
    this.#lines = { sent: new Line('\0\x01\x02TCDE'), answered: new Line('\0\x01\x02') };
  }

  fromClient(data: Buffer): string | undefined {
    return this.#sender === 'client' ? this.#sent(data) : this.#answered(data);
  }

  fromHost(data: Buffer): string | undefined {
    return this.#sender === 'host' ? this.#sent(data) : this.#answered(data);
  }

  end(): void {
    if (this.#file !== undefined) this.#fileOver(this.#file, 'cut off');
  }

  #sent(data: Buffer): string | undefined {
    let at = 0;
    while (at < data.length) {
      const file = this.#file;
      if (file !== undefined && file.bytes < file.size) {
        const bytes = data.subarray(at, at + file.size - file.bytes);
        file.hash.update(bytes);
        file.bytes += bytes.length;
        at += bytes.length;
        continue;
      }
      const taken = this.#lines.sent.take(data, at);
      if (taken === undefined) return 'something that is not of scp';
      at += taken;
      const line = this.#lines.sent.whole();
      const fault = line === undefined ? undefined : this.#said(line);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  /** A line of the sender; one byte 0 is a line, too. */
  #said(line: Buffer): string | undefined {
    const file = this.#file;
    this.#isEntering = false;
    if (line[0] === 0 || line[0] === 1 || line[0] === 2) {
      if (line[0] !== 0) this.#complaint(line, this.#sender);
      else if (file === undefined) return 'a mark of scp behind no file';
      if (file !== undefined) this.#fileOver(file, line[0] === 0 ? 'ok' : 'failed');
      return undefined;
    }
    if (file !== undefined) return 'a file of scp without its mark';
    const letter = String.fromCharCode(line[0] ?? 0);
    const rest = line.subarray(1);
    if (letter === 'T' && /^\d+ \d+ \d+ \d+$/.test(rest.toString('latin1'))) return undefined;
    if (letter === 'E' && rest.length === 0)
      return this.#folders.pop() === undefined ? 'scp leaves no directory' : undefined;
    const [, mode = '', size = '', name] = /^([0-7]{4,5}) (\d{1,15}) ([^/]+)$/s.exec(rest.toString('latin1')) ?? [];
    if (name === undefined || !'CD'.includes(letter)) return 'something that is not of scp';
    const bytes = Buffer.from(name, 'latin1');
    if (letter === 'D') return this.#enter(bytes, mode);
    this.#file = { name: bytes, mode, size: Number(size), hash: createHash('sha256'), bytes: 0 };
    return undefined;
  }

  #enter(name: Buffer, mode: string): string | undefined {
    this.#folders.push(name);
    this.#isEntering = true;
    if (this.#folders.length > maxDepth) return 'directories of scp that are too deep';
    this.#tell('directory', { ...nameFacts('path', this.#path()), mode });
    return undefined;
  }

  #answered(data: Buffer): string | undefined {
    for (let at = 0; at < data.length; ) {
      const taken = this.#lines.answered.take(data, at);
      if (taken === undefined) return 'something that is not of scp';
      at += taken;
      const line = this.#lines.answered.whole();
      if (line === undefined) continue;
      const isRefused = this.#isEntering;
      this.#isEntering = false;
      if (line[0] === 0) continue;
      this.#complaint(line, this.#sender === 'client' ? 'host' : 'client');
      // Refused before it began: then neither its bytes nor its mark follow.
      if (isRefused) this.#folders.pop();
      if (this.#file?.bytes === 0) this.#fileOver(this.#file, 'refused');
    }
    return undefined;
  }

  #fileOver({ name, mode, size, hash, bytes }: File, status: string): void {
    this.#file = undefined;
    const path = nameFacts('path', this.#path(name));
    const direction = this.#sender === 'client' ? 'upload' : 'download';
    const isWhole = status === 'ok' || status === 'failed'; // a sender that cannot read on fills up with zeros
    this.#tell('file', {
      ...path,
      direction,
      mode,
      size,
      bytes,
      ...(isWhole && { sha256: hash.digest('hex') }),
      status,
    });
  }

  #complaint(line: Buffer, by: 'client' | 'host'): void {
    this.#tell('complaint', { by, ...nameFacts('text', line.subarray(1)) });
  }

  #path(name?: Buffer): Buffer {
    const names = [...this.#folders, ...(name === undefined ? [] : [name])];
    return Buffer.concat(names.flatMap((one, i) => (i === 0 ? [one] : [Buffer.from('/'), one])));
  }
}

/** A byte 0, or what comes before a line feed. */
class Line {
  readonly #beginnings: string;
  readonly #bytes = Buffer.alloc(maxLineBytes);
  #length = 0;
  #isWhole = false;

  /** @param beginnings what it may begin with: so the prompt of a shell is known for what it is before its line ends */
  constructor(beginnings: string) {
    this.#beginnings = beginnings;
  }

  /** @returns how many bytes were taken; undefined: it is none, or too long */
  take(data: Buffer, at: number): number | undefined {
    if (this.#length === 0 && !this.#beginnings.includes(String.fromCharCode(data[at] ?? 0))) return undefined;
    if (this.#length === 0 && data[at] === 0) {
      this.#bytes[0] = 0;
      this.#length = 1;
      this.#isWhole = true;
      return 1;
    }
    const end = data.indexOf(0x0a, at);
    const stop = end === -1 ? data.length : end;
    if (this.#length + stop - at > maxLineBytes) return undefined;
    this.#length += data.copy(this.#bytes, this.#length, at, stop);
    this.#isWhole = end !== -1;
    return stop - at + (end === -1 ? 0 : 1);
  }

  /** Undefined: there is more to come. Good until the next is taken. */
  whole(): Buffer | undefined {
    if (!this.#isWhole) return undefined;
    const line = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    this.#isWhole = false;
    return line;
  }
}
