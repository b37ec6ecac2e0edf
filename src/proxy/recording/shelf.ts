/** The recordings in a directory, read again. */
import { closeSync, constants, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { cleanText } from '../../protocol/clean.ts';
import { objectOf, parseLine } from './parse.ts';
import { sealOf } from './seal.ts';

export interface Recorded {
  readonly file: string;
  readonly id: string;
  /** Empty, and so are the next: its first line says nothing of it. */
  readonly kind: string;
  readonly person: string;
  readonly account: string;
  readonly service: string;
  readonly client: string;
  /** Empty: a shell, or sftp. */
  readonly command: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** To the last whole line. */
  readonly lengthMs: number;
  readonly bytes: number;
  /** There is a seal. Whether it is a good one, only verification can say. */
  readonly isSealed: boolean;
}

const namePattern = /^([0-9A-HJKMNP-TV-Z]{26})-(\d{1,9})\.(?:cast|events\.jsonl)$/;

/** Oldest first: ids sort by time. Throws if the directory cannot be read. */
export function recordingNames(directory: string): string[] {
  return readdirSync(directory)
    .flatMap(name => {
      const [, id, number] = namePattern.exec(name) ?? [];
      return id === undefined ? [] : [{ name, id, number: Number(number) }];
    })
    .toSorted((a, b) => (a.id === b.id ? a.number - b.number : a.id < b.id ? -1 : 1))
    .map(({ name }) => name);
}

/** Those that are meant by a name, or by the id of a session. */
export function namedRecordings(directory: string, wanted: string): string[] {
  return recordingNames(directory).filter(name => name === wanted || name.startsWith(`${wanted}-`));
}

/** Throws if it cannot be read. */
export function lookAt(directory: string, file: string): Recorded {
  const fd = openRecording(directory, file);
  try {
    const { size } = fstatSync(fd);
    const header = objectOf(firstLine(fd));
    const facts = objectOf(header['trasa']);
    return {
      file,
      id: namePattern.exec(file)?.[1] ?? '',
      kind: text(facts['kind']),
      person: text(facts['person']),
      account: text(facts['account']),
      service: text(facts['service']),
      client: text(facts['client']),
      command: text(header['command']),
      startedAt: Number(header['timestamp'] ?? 0) * 1000,
      lengthMs: timeOf(lastLine(fd, size)) * 1000,
      bytes: size,
      isSealed: existsSync(join(directory, sealOf(file).signature)),
    };
  } finally {
    closeSync(fd);
  }
}

/** A regular file with that name, and nothing that it leads to. Throws if there is none. */
export function openRecording(directory: string, file: string): number {
  const path = join(directory, file);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new Error(`${path} is not a regular file`);
}

/** Seconds since the start; 0 for a line that has none, as the first. */
export function timeOf(line: unknown): number {
  const at: unknown = Array.isArray(line) ? line[0] : objectOf(line)['at'];
  return typeof at === 'number' && at >= 0 ? at : 0;
}

function text(value: unknown): string {
  return typeof value === 'string' ? cleanText(value, 200) : '';
}

/** More than the longest line that is written: 64 KiB of a command, each byte of it escaped. */
const maxLineBytes = 512 * 1024;

function firstLine(fd: number): unknown {
  const bytes = readAt(fd, 0, maxLineBytes);
  return parseLine(bytes.subarray(0, Math.max(0, bytes.indexOf(0x0a))).toString('utf8'));
}

/** A line that is cut off is none. */
function lastLine(fd: number, size: number): unknown {
  const from = Math.max(0, size - maxLineBytes);
  const lines = readAt(fd, from, size - from)
    .toString('utf8')
    .split('\n');
  return parseLine(lines.at(-2) ?? '');
}

function readAt(fd: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(fd, buffer, 0, length, position));
}
