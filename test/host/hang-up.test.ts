import { type ChildProcess, spawn } from 'node:child_process';
import t from 'tap';
import { isHungUp } from '../../src/host/hang-up.ts';

const source = new URL('../../src/host/hang-up.ts', import.meta.url).href;

/** A command as sshd starts it, which reports to standard error whether its standard output has a reader. */
function command(): ChildProcess {
  const code = `
    import { writeSync } from 'node:fs';
    import { isHungUp } from '${source}';
    setInterval(() => {
      const gone = isHungUp(1);
      writeSync(2, gone ? 'gone\\n' : 'there\\n');
      if (gone) process.exit(0);
    }, 10);`;
  return spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', 'pipe'] });
}

t.test('a reader that goes away is noticed, while standard input is full of what nobody may read', async t => {
  const child = command();
  child.stdin?.on('error', () => {});
  child.stdin?.write('x'.repeat(60_000));
  let said = '';
  child.stderr?.on('data', data => {
    said += String(data);
    if (said.startsWith('there')) child.stdout?.destroy();
  });
  const status = await new Promise(resolve => child.on('close', resolve));
  t.equal(status, 0);
  t.match(said, /^(there\n)+gone\n/);
});

t.test('a descriptor that is not open counts as gone', async t => {
  t.equal(isHungUp(999_999), true);
});
