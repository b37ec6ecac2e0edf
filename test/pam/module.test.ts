/** The C module's own tests, as `make -C pam check` runs them, in a folder of their own. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { refusals } from '../../src/policy/refusals.ts';

const root = join(import.meta.dirname, '../..');
const manual = readFileSync(join(root, 'man/pam_trasa.8.scd'), 'utf8');

t.test('the manual names each option of the module, and no other', async t => {
  const source = readFileSync(join(root, 'pam/options.c'), 'utf8');
  const known = [...source.matchAll(/str(?:n?)cmp\(word, "([a-z]+)/g)].map(([, name]) => name);
  const section = /^# OPTIONS\n([^]*?)^# /m.exec(manual)?.[1] ?? '';
  const explained = section
    .split('\n')
    .filter(line => line.startsWith('*'))
    .flatMap(line => [...line.matchAll(/\*([a-z]+)/g)].map(([, name]) => name));
  t.ok(known.length >= 7);
  t.strictSame(new Set(explained), new Set(known));
});

t.test('the module knows, and the manual explains, each PAM code that the daemon says', async t => {
  const source = readFileSync(join(root, 'pam/dialogue.c'), 'utf8');
  for (const code of new Set(Object.values(refusals).map(({ pam }) => pam))) {
    t.match(source, `{"${code}", ${code}},`);
    t.match(manual, `*${code}*`);
  }
  t.notMatch(source, '"PAM_IGNORE"');
});

const missing = whatIsMissing();
if (missing === undefined) {
  const build = mkdtempSync(join(tmpdir(), 'pam-trasa-'));
  t.teardown(() => rmSync(build, { recursive: true, force: true }));
  t.test('it compiles without a warning', async t => {
    const { status, output } = await make(['-j2', 'programs'], build);
    t.equal(status, 0, output);
  });
  t.jobs = 8; // they wait more than they work
  for (const [target, title] of [
    ['check-object', 'the module exports three functions, is hardened, and keeps no state'],
    ['check-analyzer', 'the compiler finds nothing to warn of'],
    ['check-vectors', 'the C line protocol agrees with the vectors'],
    ['check-module', 'the module does in every branch what it promises'],
    ['check-sanitized', 'so it does under the address and undefined behaviour sanitizers'],
    ['check-fuzz', 'the line reader survives changed inputs'],
    ['check-libfuzzer', 'and those that a fuzzer makes with an eye on the code'],
    ['check-valgrind', 'valgrind finds no error and no leak'],
  ] as const)
    t.test(title, async t => {
      const { status, output } = await make([target], build);
      const lines = output.split('\n');
      const passed = lines.filter(line => line.startsWith('ok '));
      if (status !== 0) t.comment(lines.filter(line => !line.startsWith('ok ')).join('\n'));
      const skipped = passed.length === 1 ? passed[0]?.split(' # SKIP ')[1] : undefined;
      if (skipped === undefined) t.equal(status, 0, `${passed.length} passed`);
      else t.pass(target, { skip: skipped });
    });
} else {
  t.test('the C module', { skip: `${missing} (Debian: apt install gcc make libpam0g-dev)` }, async () => {});
}

async function make(words: readonly string[], build: string): Promise<{ status: number | null; output: string }> {
  const child = spawn('make', ['--no-print-directory', '-s', '-C', join(root, 'pam'), `BUILD=${build}`, ...words], {
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (output += text));
  await once(child, 'close');
  return { status: child.exitCode, output };
}

/** Without what tap hands down for its coverage, and without flags that would change the build. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, TMPDIR, LC_ALL: 'C.UTF-8' };
}

function whatIsMissing(): string | undefined {
  for (const command of ['make', 'cc'])
    if (spawnSync(command, ['--version'], { stdio: 'ignore' }).status !== 0) return `${command} is missing`;
  return existsSync('/usr/include/security/pam_modules.h') ? undefined : 'the headers of PAM are missing';
}
