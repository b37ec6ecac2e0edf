/**
 * When did this account last log in with a terminal, before now? From wtmp (utmp(5)), as sshd's own line would be from
 * lastlog(8): by the time a forced command runs, sshd has already written this very login into lastlog.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { cleanText } from '../protocol/clean.ts';

export interface LastLogin {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Name or address it came from; empty if not recorded. */
  readonly from: string;
}

/** glibc's `struct utmp` (bits/types/struct_utmp.h, 32-bit compatible or not). Both machines are little-endian. */
const layout = process.arch === 'arm64' ? { size: 400, seconds: 344 } : { size: 384, seconds: 340 };
const field = { type: 0, line: [8, 32], user: [44, 32], host: [76, 256] } as const;
const userProcess = 7;
/** How far back to look. */
const maxRecords = 4096;

/** The line that sshd prints (session.c, do_login); undefined if there was no earlier login, or none is recorded. */
export function lastLoginLine(path: string, account: string, terminal: string): string | undefined {
  const last = findLastLogin(readTail(path), account, terminal.replace(/^\/dev\//, ''));
  if (last === undefined) return undefined;
  const from = last.from === '' ? '' : ` from ${last.from}`;
  return `Last login: ${asctime(new Date(last.at))}${from}`;
}

/** @param line this session's own terminal, as utmp names it (`pts/3`): its newest record is the login now going on */
export function findLastLogin(wtmp: Buffer, account: string, line: string): LastLogin | undefined {
  let seenOwn = false;
  for (let at = wtmp.length - layout.size; at >= 0; at -= layout.size) {
    const record = wtmp.subarray(at, at + layout.size);
    if (record.readInt16LE(field.type) !== userProcess) continue;
    if (text(record, field.user) !== account) continue;
    if (!seenOwn && text(record, field.line) === line) {
      seenOwn = true;
      continue;
    }
    return { at: record.readUInt32LE(layout.seconds) * 1000, from: cleanText(text(record, field.host), 256) };
  }
  return undefined;
}

function text(record: Buffer, [start, length]: readonly [number, number]): string {
  const bytes = record.subarray(start, start + length);
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end === -1 ? length : end);
}

/** The whole records at the end of the file; empty if it cannot be read (Debian 13 has none). */
function readTail(path: string): Buffer {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    const records = Math.floor(fstatSync(fd).size / layout.size);
    const wanted = Math.min(records, maxRecords);
    const buffer = Buffer.alloc(wanted * layout.size);
    const read = readSync(fd, buffer, 0, buffer.length, (records - wanted) * layout.size);
    return buffer.subarray(0, read - (read % layout.size));
  } catch {
    return Buffer.alloc(0);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** `Tue Aug  4 12:34:56 2026`, local time: ctime(3) without its line end. */
function asctime(date: Date): string {
  const [weekday = '', month = '', , year = '', time = ''] = date.toString().split(' ');
  return `${weekday} ${month} ${String(date.getDate()).padStart(2)} ${time} ${year}`;
}
