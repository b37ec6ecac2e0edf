import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { RecordingJournal } from '../../src/store/recording-journal.ts';

t.test('a disk that is full is said to be full, and what was written before then stays', async t => {
  const state = mkdtempSync(join(tmpdir(), 'trasa-journal-'));
  const code = `
    import { RecordingJournal } from '${new URL('../../src/store/recording-journal.ts', import.meta.url).href}';
    const journal = new RecordingJournal(${JSON.stringify(state)});
    for (;;) journal.append({ event: 'x'.repeat(5000) }, true);`;
  const script = 'ulimit -f 200; exec "$0" --input-type=module -e "$1"';
  const { stderr } = spawnSync('sh', ['-c', script, process.execPath, code], { encoding: 'utf8' });
  t.match(stderr, /disk/);
  t.notMatch(stderr, /rollback/);
  const journal = new RecordingJournal(state);
  t.teardown(() => journal.close());
  t.ok([...journal.lines()].length > 0);
  t.match(journal.append({ event: 'more' }, true), /^[0-9a-f]{64}$/);
});
