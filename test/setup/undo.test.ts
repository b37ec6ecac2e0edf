import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  beginJournal,
  type Change,
  claimForKeeping,
  claimForRevert,
  continueJournal,
  findJournal,
  forgetReverting,
  type Journal,
} from '../../src/setup/journal.ts';
import { NotPlaced, placeFile, readImage, rootsFile } from '../../src/setup/place-file.ts';
import { type Undone, undo } from '../../src/setup/undo.ts';
import { privateDirectory } from '../config/place.ts';

const isRoot = process.getuid?.() === 0 ? {} : { skip: 'needs root: it gives files to root' };

function aChange(path: string, before: string | undefined, after: string): Change {
  return { path, before: before === undefined ? undefined : rootsFile(before, 0o600), after: rootsFile(after) };
}

function aJournal(changes: readonly Change[]): Journal {
  const started = { boot: 'b', ticks: 1 };
  return { id: 'j', writer: { pid: 1, started }, revertAt: 5, reloaded: undefined, changes };
}

const undoIn = (t: Test, changes: readonly Change[]): Undone =>
  undo(changes, join(privateDirectory(t), 'saved'), () => {});

t.test('a file is placed whole, with its mode, and nothing is left beside it', isRoot, async t => {
  const folder = privateDirectory(t);
  const path = join(folder, 'new', 'file');
  placeFile(path, rootsFile('one', 0o640));
  placeFile(path, rootsFile('two', 0o600));
  t.equal(readFileSync(path, 'utf8'), 'two');
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.strictSame(readdirSync(join(folder, 'new')), ['file']);
  placeFile(path, undefined);
  placeFile(path, undefined);
  t.notOk(existsSync(path));
});

t.test('a symbolic link is nobody to be replaced', isRoot, async t => {
  const path = join(privateDirectory(t), 'link');
  symlinkSync('/etc/passwd', path);
  t.throws(() => readImage(path), NotPlaced);
});

t.test(
  'bytes, mode and absence come back, however far it was done, and however often it is undone',
  isRoot,
  async t => {
    for (const done of [0, 1, 2, 3]) {
      const folder = privateDirectory(t);
      const changes = [
        aChange(join(folder, 'old'), 'old', 'changed'),
        aChange(join(folder, 'new'), undefined, 'new'),
        { path: join(folder, 'gone'), before: rootsFile('gone\xff'), after: undefined },
      ];
      for (const { path, before } of changes) placeFile(path, before);
      for (const { path, after } of changes.slice(0, done)) placeFile(path, after);
      writeFileSync(join(folder, '.old.trasa-setup'), 'a draft that a power cut left');
      for (const _ of [1, 2]) {
        t.strictSame(undoIn(t, changes), { notes: [], troubles: [] });
        t.strictSame(readdirSync(folder).toSorted(), ['gone', 'old']);
        for (const { path, before } of changes) t.strictSame(readImage(path), before);
      }
    }
  },
);

t.test('what somebody else has written meanwhile is kept', isRoot, async t => {
  const folder = privateDirectory(t);
  const saved = join(folder, 'saved');
  const change = aChange(join(folder, 'drop-in'), 'before', 'after');
  placeFile(change.path, rootsFile('theirs'));
  t.match(
    undo([change], saved, () => {}),
    { notes: [/changed by somebody else/], troubles: [] },
  );
  t.equal(readFileSync(change.path, 'utf8'), 'before');
  t.equal(readFileSync(join(saved, 'drop-in'), 'utf8'), 'theirs');
});

t.test('a file that cannot be put back keeps no other from it', isRoot, async t => {
  const folder = privateDirectory(t);
  const [one, link] = [join(folder, 'one'), join(folder, 'link')];
  placeFile(one, rootsFile('after'));
  symlinkSync('/etc/passwd', link);
  const { troubles } = undoIn(t, [aChange(one, 'before', 'after'), aChange(link, 'before', 'after')]);
  t.match(troubles, [{ text: /link: is not a regular file/ }]);
  t.equal(readFileSync(one, 'utf8'), 'before');
});

t.test('a journal is read as it was written', isRoot, async t => {
  const folder = join(privateDirectory(t), 'trasa-setup');
  t.strictSame(findJournal(folder), { kind: 'none' });
  const journal = aJournal([aChange('/x', undefined, 'new'), aChange('/y', 'old\xfe', 'new')]);
  t.ok(beginJournal(folder, journal));
  t.notOk(beginJournal(folder, { ...journal, id: 'another' }), 'there is one already');
  t.strictSame(readdirSync(folder), ['journal.json']);
  t.strictSame(findJournal(folder), { kind: 'waiting', journal });
  t.equal(statSync(folder).mode & 0o777, 0o700);
  t.equal(statSync(join(folder, 'journal.json')).mode & 0o777, 0o600);
  const told = { ...journal, reloaded: { boot: 'b', ticks: 9 } };
  continueJournal(folder, told);
  t.strictSame(findJournal(folder), { kind: 'waiting', journal: told });
});

t.test('of keeping and undoing one comes first, and the other does not happen', isRoot, async t => {
  const folder = join(privateDirectory(t), 'trasa-setup');
  beginJournal(folder, aJournal([]));
  t.ok(claimForRevert(folder));
  t.notOk(claimForKeeping(folder));
  t.match(findJournal(folder), { kind: 'reverting' });
  t.notOk(beginJournal(folder, aJournal([])), 'nothing is begun meanwhile');
  forgetReverting(folder);
  beginJournal(folder, aJournal([]));
  t.ok(claimForKeeping(folder));
  t.notOk(claimForRevert(folder));
  t.strictSame(findJournal(folder), { kind: 'none' });
});

t.test('a damaged journal, or one that others could have written, is not followed', isRoot, async t => {
  const folder = join(privateDirectory(t), 'trasa-setup');
  mkdirSync(folder, { mode: 0o700 });
  for (const text of ['', '{}', '{"version":2}', '{"version":1,"id":"x","changes":[{}]}', '[]', 'null']) {
    writeFileSync(join(folder, 'journal.json'), text, { mode: 0o600 });
    t.match(findJournal(folder), { kind: 'unreadable', why: /damaged/ }, text);
  }
  writeFileSync(join(folder, 'journal.json'), '{}');
  await import('node:fs').then(({ chmodSync }) => chmodSync(join(folder, 'journal.json'), 0o666));
  t.match(findJournal(folder), { kind: 'unreadable', why: /can be written by others/ });
});
