import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import t from 'tap';
import { type ReadChunk, readSafely, type SafeRead } from '../../src/host/safe-open.ts';
import type { UnsafeFile } from '../../src/host/unsafe-file.ts';
import { asUser, needsRoot, privateDirectory, put } from '../config/place.ts';

const rules = { maxBytes: 1000 };
const someUser = 65534;

t.test('a file of our own, that only we can write, is read', async t => {
  const file = put(`${privateDirectory(t)}/a/file`, 'Grüße\n');
  t.match(readSafely(file, rules), { kind: 'read', text: 'Grüße\n', worldReadable: false, mode: '0640' });
  chmodSync(file, 0o644);
  t.match(readSafely(file, rules), { kind: 'read', worldReadable: true, mode: '0644' });
});

t.test('a byte order mark is left out', async t => {
  t.match(readSafely(put(`${privateDirectory(t)}/file`, '\uFEFFtext'), rules), { kind: 'read', text: 'text' });
});

t.test('a relative path is taken from the working directory', async t => {
  t.match(readSafely('package.json', { maxBytes: 1e6 }).kind, statSync('.').mode & 0o022 ? 'refused' : 'read');
});

t.test('a missing file is told from a missing directory', async t => {
  const directory = privateDirectory(t);
  t.match(problem(readSafely(`${directory}/none`, rules)), { cause: 'missing', text: 'does not exist' });
  t.match(problem(readSafely(`${directory}/none/file`, rules)), {
    cause: 'missing',
    text: `(there is no ${directory}/none)`,
  });
  const file = put(`${directory}/file`, '');
  t.match(problem(readSafely(`${file}/file`, rules)), { cause: 'missing', text: `(${file} is not a directory)` });
});

t.test('what is not a regular file is refused at once', async t => {
  const directory = privateDirectory(t);
  t.match(problem(readSafely(directory, rules)), { cause: 'directory' });
  t.match(problem(readSafely('/', rules)), { cause: 'directory' });
  t.match(problem(readSafely('/dev/zero', rules)), { cause: 'not-a-file' });
  spawnSync('mkfifo', [`${directory}/fifo`]);
  t.match(problem(readSafely(`${directory}/fifo`, rules)), { cause: 'not-a-file' });
  const server = createServer();
  await new Promise<void>(resolve => server.listen(`${directory}/socket`, resolve));
  t.match(problem(readSafely(`${directory}/socket`, rules)), { cause: 'not-a-file' });
  await new Promise(resolve => server.close(resolve));
});

t.test('a name that no file can have is refused', async t => {
  t.match(problem(readSafely('/etc/\0', rules)), { cause: 'unreadable' });
  t.match(problem(readSafely(`/${'x'.repeat(300)}`, rules)), { cause: 'unreadable', text: /ENAMETOOLONG/ });
});

t.test('a file that its group or everyone can write is refused', async t => {
  for (const mode of [0o660, 0o602]) {
    const file = put(`${privateDirectory(t)}/file`, '', mode);
    t.match(problem(readSafely(file, rules)), { cause: 'mode', hint: `chmod go-w ${file}` });
  }
});

t.test('a secret may be readable by its group, but not by everyone', async t => {
  const file = put(`${privateDirectory(t)}/file`, '', 0o640);
  t.equal(readSafely(file, { ...rules, secret: true }).kind, 'read');
  chmodSync(file, 0o644);
  t.match(problem(readSafely(file, { ...rules, secret: true })), { cause: 'mode', hint: `chmod o-r ${file}` });
});

t.test('a file of another user is refused', { skip: needsRoot }, async t => {
  const file = put(`${privateDirectory(t)}/file`, '');
  chownSync(file, someUser, 0);
  t.match(problem(readSafely(file, rules)), { cause: 'owner', text: /user id 65534/, hint: `chown root ${file}` });
  t.equal(asUser(someUser, () => readSafely(file, rules)).kind, 'read', 'but one of our own user is read');
});

t.test('a file that we may not read is said to be unreadable', { skip: needsRoot }, async t => {
  const directory = privateDirectory(t);
  const file = put(`${directory}/a/file`, '', 0o600);
  t.match(problem(asUser(someUser, () => readSafely(file, rules))), { cause: 'unreadable', text: /user id 65534/ });
  chmodSync(file, 0o644);
  chmodSync(`${directory}/a`, 0o700);
  t.match(problem(asUser(someUser, () => readSafely(file, rules))), { cause: 'unreadable' });
});

t.test('every directory on the way must be safe', async t => {
  const directory = privateDirectory(t);
  const file = put(`${directory}/a/b/file`, '');
  for (const parent of [`${directory}/a`, `${directory}/a/b`])
    for (const mode of [0o775, 0o757]) {
      chmodSync(parent, mode);
      t.match(problem(readSafely(file, rules)), { cause: 'parent', hint: `chmod go-w ${parent}` });
      chmodSync(parent, 0o755);
    }
  t.equal(readSafely(file, rules).kind, 'read');
});

t.test('a directory of another user on the way is refused', { skip: needsRoot }, async t => {
  const directory = privateDirectory(t);
  const file = put(`${directory}/a/b/file`, '');
  chownSync(`${directory}/a`, someUser, 0);
  t.match(problem(readSafely(file, rules)), { cause: 'parent', hint: `chown root ${directory}/a` });
});

t.test('a sticky directory may lie on the way, but nothing may stand in it', async t => {
  const directory = privateDirectory(t);
  const file = put(`${directory}/tmp/file`, '');
  put(`${directory}/tmp/ours/file`, '');
  symlinkSync('ours', `${directory}/tmp/link`);
  chmodSync(`${directory}/tmp`, 0o1777);
  t.equal(readSafely(`${directory}/tmp/ours/file`, rules).kind, 'read');
  t.match(problem(readSafely(file, rules)), { cause: 'parent', hint: /^move it/ });
  t.match(problem(readSafely(`${directory}/tmp/link/file`, rules)), { cause: 'parent' });
});

t.test('a symbolic link is followed through safe places only', async t => {
  const directory = privateDirectory(t);
  put(`${directory}/safe/file`, 'safe');
  put(`${directory}/open/file`, 'planted');
  put(`${directory}/open/inner/file`, 'planted');
  chmodSync(`${directory}/open`, 0o777);
  const link = (target: string, name: string) => {
    symlinkSync(target, `${directory}/${name}`);
    return `${directory}/${name}`;
  };
  t.match(readSafely(link('safe/file', 'relative'), rules), { kind: 'read', text: 'safe' });
  t.match(readSafely(link(`${directory}/safe/file`, 'absolute'), rules), { kind: 'read', text: 'safe' });
  t.match(readSafely(`${link('safe', 'directory')}/file`, rules), { kind: 'read', text: 'safe' });
  t.match(readSafely(`${directory}/open/../safe/file`, rules), { kind: 'refused', problem: { cause: 'parent' } });

  const bent = problem(readSafely(link('open/file', 'bent'), rules));
  t.match(bent, {
    cause: 'symlink',
    text: `through the symbolic link ${directory}/bent into ${directory}/open`,
    hint: /go-w/,
  });
  t.match(problem(readSafely(link('open/inner/file', 'deeper'), rules)), { cause: 'symlink' });
  t.match(problem(readSafely(`${link('open', 'place')}/file`, rules)), { cause: 'symlink' });
  t.match(problem(readSafely(link('bent', 'twice'), rules)), { cause: 'symlink' });
  t.match(problem(readSafely(link('nowhere', 'dangling'), rules)), { cause: 'symlink', text: /which is not there/ });
  t.match(problem(readSafely(link('loop', 'loop'), rules)), { cause: 'symlink', text: /more than 40/ });
});

t.test('dots after a symbolic link mean what they mean to the kernel', async t => {
  const directory = privateDirectory(t);
  put(`${directory}/a/b/file`, '');
  put(`${directory}/a/wanted`, 'right');
  put(`${directory}/wanted`, 'wrong');
  symlinkSync('a/b', `${directory}/link`);
  t.match(readSafely(`${directory}/link/../wanted`, rules), { kind: 'read', text: 'right' });
});

t.test('a file of a gigabyte is refused before it is read', async t => {
  const file = put(`${privateDirectory(t)}/file`, '');
  truncateSync(file, 2 ** 30);
  const unread: ReadChunk = () => {
    throw new Error('it was read');
  };
  t.match(problem(readSafely(file, rules, unread)), { cause: 'too-large', text: 'is larger than 1000 bytes' });
  truncateSync(file, 1001);
  t.match(problem(readSafely(file, rules)), { cause: 'too-large' });
  truncateSync(file, 1000);
  t.equal(readSafely(file, rules).kind, 'read');
});

t.test('bytes that are not UTF-8 are refused, with their line', async t => {
  const file = put(`${privateDirectory(t)}/file`, Buffer.from('fine\nfine\nGr\xfc\xdfe\n', 'latin1'));
  t.match(problem(readSafely(file, rules)), { cause: 'not-utf-8', line: 3 });
  writeFileSync(file, Buffer.from([0x41, 0xe2, 0x82])); // cut in the middle of a character
  t.match(problem(readSafely(file, rules)), { cause: 'not-utf-8', line: 1 });
  writeFileSync(file, Buffer.from([0xed, 0xa0, 0x80])); // a surrogate
  t.match(problem(readSafely(file, rules)), { cause: 'not-utf-8' });
});

t.test('a file that changes while it is read is refused', async t => {
  const changes: Record<string, (file: string) => void> = {
    grows: file => appendFileSync(file, 'more'),
    shrinks: file => truncateSync(file, 3),
    'is written over in place': file => writeFileSync(file, 'other text'),
    'is replaced by another': file => renameSync(put(`${file}.new`, 'other text'), file),
  };
  for (const [what, change] of Object.entries(changes)) {
    const file = put(`${privateDirectory(t)}/file`, 'first text');
    if (what.startsWith('is ')) nextTick(file); // the size tells the others, even within one tick
    let changed = false;
    const read: ReadChunk = (fd, buffer, offset, length, position) => {
      const count = readSync(fd, buffer, offset, Math.min(length, 4), position);
      if (!changed) change(file);
      changed = true;
      return count;
    };
    t.match(problem(readSafely(file, rules, read)), { cause: 'changed' }, what);
  }
});

t.test('no descriptor is left open', async t => {
  const directory = privateDirectory(t);
  const bad = put(`${directory}/bad`, Buffer.from([0xff]));
  const before = openDescriptors();
  for (const path of [directory, bad, put(`${directory}/good`, ''), put(`${directory}/mode`, '', 0o666)])
    readSafely(path, rules);
  t.equal(openDescriptors(), before);
});

/** Waits until the file system's clock, which is as coarse as the kernel's timer, has left the time of this file. */
function nextTick(file: string): void {
  const probe = `${file}.probe`;
  const { ctimeMs } = statSync(file);
  do mkdirSync(probe, { recursive: true });
  while ((chmodSync(probe, 0o755), statSync(probe).ctimeMs) === ctimeMs);
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

function problem(read: SafeRead): UnsafeFile | undefined {
  return read.kind === 'refused' ? read.problem : undefined;
}
