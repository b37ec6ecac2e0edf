import { spawnSync } from 'node:child_process';
import t from 'tap';

const source = new URL('../../src/host/no-dumps.ts', import.meta.url).href;

/** Runs as nobody if we are root: of root's processes all files in /proc are root's. */
function inspect(before: string): string {
  const code = `
    import { readFileSync, statSync } from 'node:fs';
    import { forbidDumps } from '${source}';
    ${before}
    console.log(/Max core file size +(\\S+) +(\\S+)/.exec(readFileSync('/proc/self/limits', 'utf8')).slice(1).join(' '));
    console.log(statSync('/proc/self/mem').uid);`;
  const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  return spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8', ...nobody }).stdout ?? '';
}

const skip = inspect('') === '' ? 'nobody may not read our sources' : false;

t.test('memory cannot be dumped, or read by the same user', { skip }, async t => {
  // proc(5): a process that is not dumpable has its files in /proc owned by root
  t.equal(inspect('forbidDumps();'), '0 0\n0\n');
});

t.test('without it, it can', { skip }, async t => {
  t.notMatch(inspect(''), /\n0\n$/);
});
