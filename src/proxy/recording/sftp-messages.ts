/** What SFTP version 3 says (draft-ietf-secsh-filexfer-02), as far as it tells what becomes of files. */
import type { WireReader } from '../../ssh/wire.ts';
import { nameFacts } from './file-events.ts';

export const fxp = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

export interface Attributes {
  readonly size?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** In octal. */
  readonly mode?: string;
  readonly atime?: number;
  readonly mtime?: number;
}

/** Section 5. */
export function readAttributes(reader: WireReader): Attributes {
  const flags = reader.uint32();
  const size = (flags & 1) !== 0 && { size: Number(reader.uint64()) };
  const owner = (flags & 2) !== 0 && { uid: reader.uint32(), gid: reader.uint32() };
  const mode = (flags & 4) !== 0 && { mode: (reader.uint32() & 0o7777).toString(8).padStart(4, '0') };
  const times = (flags & 8) !== 0 && { atime: reader.uint32(), mtime: reader.uint32() };
  return { ...size, ...owner, ...mode, ...times };
}

export const openFlag = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 } as const;

export function flagNames(flags: number): string[] {
  return Object.entries(openFlag).flatMap(([flag, bit]) => ((flags & bit) === 0 ? [] : [flag]));
}

/** Section 7. */
export const statusOk = 0;
export const statusEof = 1;

export function statusName(code: number): string {
  return statusNames[code] ?? `status ${code}`;
}

const statusNames = [
  'ok',
  'end of file',
  'no such file',
  'denied',
  'failed',
  'bad message',
  'no connection',
  'connection lost',
  'not supported',
];

type ReadFacts = (reader: WireReader) => object;

/** Requests that are one event, when it is known what came of them. By their number. */
export const plainRequests: ReadonlyMap<number, { readonly event: string; readonly facts: ReadFacts }> = new Map([
  [fxp.setstat, { event: 'setstat', facts: reader => ({ ...path(reader), ...readAttributes(reader) }) }],
  [fxp.remove, { event: 'remove', facts: path }],
  [fxp.mkdir, { event: 'mkdir', facts: reader => ({ ...path(reader), ...readAttributes(reader) }) }],
  [fxp.rmdir, { event: 'rmdir', facts: path }],
  [fxp.rename, { event: 'rename', facts: fromTo }],
  // OpenSSH has the two the other way round than the draft, and everybody follows it: where it leads comes first.
  [fxp.symlink, { event: 'symlink', facts: reader => ({ ...name('target', reader), ...path(reader) }) }],
]);

/** The same of extensions (PROTOCOL of OpenSSH, section 4), by their names. */
export const plainExtensions: ReadonlyMap<string, { readonly event: string; readonly facts: ReadFacts }> = new Map([
  ['posix-rename@openssh.com', { event: 'rename', facts: reader => ({ ...fromTo(reader), replaces: true }) }],
  ['hardlink@openssh.com', { event: 'hardlink', facts: fromTo }],
  [
    'lsetstat@openssh.com',
    { event: 'setstat', facts: reader => ({ ...path(reader), link: true, ...readAttributes(reader) }) },
  ],
]);

/** Those that only look. */
export const quietExtensions: ReadonlySet<string> = new Set([
  'statvfs@openssh.com',
  'fstatvfs@openssh.com',
  'limits@openssh.com',
  'expand-path@openssh.com',
  'home-directory',
  'users-groups-by-id@openssh.com',
]);

function path(reader: WireReader): object {
  return name('path', reader);
}

function fromTo(reader: WireReader): object {
  return { ...name('path', reader), ...name('to', reader) };
}

function name(key: string, reader: WireReader): object {
  return nameFacts(key, reader.string());
}
