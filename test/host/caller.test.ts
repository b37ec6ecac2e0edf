import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { callerOf } from '../../src/host/caller.ts';

t.test('who runs a command, and who logged in before sudo', async t => {
  const file = join(mkdtempSync(join(tmpdir(), 'caller-')), 'loginuid');
  const uid = `uid ${process.getuid?.()}`;
  for (const [text, expected] of [
    ['1000', `${uid}, logged in as uid 1000`],
    ['0\n', `${uid}, logged in as uid 0`],
    ['4294967295', uid],
    ['', uid],
    ['x', uid],
  ] as const) {
    writeFileSync(file, text);
    t.equal(callerOf(file), expected, text);
  }
  t.equal(callerOf(join(file, 'none')), uid);
});
