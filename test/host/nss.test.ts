/** Look-ups through the C library, with a source of our own (nss/trial.c) in a private nsswitch.conf(5). */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';

const dir = t.testdir({ 'nsswitch.conf': 'passwd: files trial\ngroup: files trial\n' });
const here = import.meta.dirname;
const source = new URL('../../src/host/lookup.ts', import.meta.url).href;

const built = spawnSync(process.env['CC'] ?? 'cc', [
  '-shared',
  '-fPIC',
  '-o',
  join(dir, 'libnss_trial.so.2'),
  join(here, 'nss/trial.c'),
]);
const skip =
  built.status !== 0
    ? 'no C compiler'
    : spawnSync('unshare', ['-m', 'true']).status !== 0
      ? 'no private mounts for this user'
      : false;

/** Runs a program in which `lookUp` is to be had, with our own name service. @param deadlineMs what is there may take long */
function run(body: string, deadlineMs = 60_000): { status: number | null; stdout: string } {
  const code = `
    import { createLookup } from '${source}';
    const lookUp = createLookup({ deadlineMs: ${deadlineMs}, atOnce: 8, atOnceForOne: 2 });
    ${body}`;
  const script = 'mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf && LD_LIBRARY_PATH=$0 exec "$@"';
  const words = ['-m', 'sh', '-c', script, dir, process.execPath, '--input-type=module', '-e', code];
  return spawnSync('unshare', words, { encoding: 'utf8', timeout: 90_000 });
}

function lookUp(name: string): unknown {
  return JSON.parse(run(`console.log(JSON.stringify(await lookUp(${JSON.stringify(name)}, true)));`).stdout);
}

t.test('a name in UTF-8 is found', { skip }, async t => {
  t.same(lookUp('grüße'), {
    kind: 'found',
    user: { name: 'grüße', uid: 60001, gid: 100000, home: '/trial', shell: '' },
    groups: ['group0'],
    why: '',
  });
});

t.test('who is not found is unknown, even with the longest of names', { skip }, async t => {
  t.same(lookUp('x'.repeat(255)), { kind: 'unknown' });
});

t.test('a source that is down or busy is unavailable, and is not taken for an unknown account', { skip }, async t => {
  t.same(lookUp('down'), { kind: 'unavailable', detail: 'Connection refused' });
  t.same(lookUp('busy'), { kind: 'unavailable', detail: 'Resource temporarily unavailable' });
});

t.test('a large entry is read, an endless one is not', { skip }, async t => {
  t.match(lookUp('huge'), { kind: 'found', user: { uid: 60005 } });
  t.same(lookUp('endless'), { kind: 'unavailable', detail: 'Numerical result out of range' });
});

t.test(
  'a primary group without a name, or whose name cannot be had, makes the groups unavailable',
  { skip },
  async t => {
    t.match(lookUp('nameless'), { kind: 'found', user: { uid: 60002 }, why: 'group 64999: has no name' });
    t.match(lookUp('failing'), { kind: 'found', user: { uid: 60003 }, why: 'group 64998: Connection refused' });
  },
);

t.test('thousands of groups are all found', { skip }, async t => {
  const { stdout } = run(
    "const { groups, why } = await lookUp('many', true); console.log(new Set(groups).size + why);",
  );
  t.equal(stdout, '3000\n');
});

t.test(
  'a source that hangs is unavailable, and neither other work nor the end of the program waits for it',
  { skip },
  async t => {
    const { status, stdout } = run(
      `
    import { readFile } from 'node:fs/promises';
    const all = await Promise.all(Array.from({ length: 8 }, () => lookUp('hangs', true)));
    await readFile('/etc/hostname', 'utf8').catch(() => {});
    console.log(JSON.stringify(all[7]));
    process.exit(3);`,
      200,
    );
    t.same(JSON.parse(stdout), { kind: 'unavailable', detail: 'no answer within 200 ms' });
    t.equal(status, 3);
  },
);

t.test('a look-up that hangs does not keep a program that is done', { skip }, async t => {
  t.equal(run("await lookUp('hangs', true);", 200).status, 0);
});
