/** The packages as files: what lintian says of them, and that a second build is the same. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import manifest from '../../package.json' with { type: 'json' };
import { run } from '../helpers/e2e/background.ts';
import { checkout, prepare, whyNone } from '../helpers/package/booted-host.ts';

t.setTimeout(900_000); // builds twice

t.test('the version is the one of package.json', async t => {
  const [version = ''] =
    /(?<=^trasa-agent \()[^)]+/.exec(readFileSync(join(checkout, 'debian/changelog'), 'utf8')) ?? [];
  t.equal(version, manifest.version);
});

/** Half of its time goes into the spelling of what Node prints. */
const notNode = ['--exclude-checks', 'binaries/spelling'];

const skip = whyNone() ?? false;
if (skip === false) prepare();

t.test('lintian has nothing to say, pedantry included', { skip }, async t => {
  const changes = join(checkout, 'dist/deb/trasa-agent.changes');
  const { stdout } = await run(['lintian', '--allow-root', '--pedantic', '--display-info', ...notNode, changes]);
  t.equal(stdout, '');
});

t.test('two builds, in different places and at different times, are the same', { skip }, async t => {
  const elsewhere = mkdtempSync(join(checkout, 'dist/second-build-'));
  t.teardown(() => rmSync(elsewhere, { recursive: true }));
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: checkout, encoding: 'utf8' });
  for (const file of listed.split('\n').filter(name => name !== '')) {
    mkdirSync(dirname(join(elsewhere, 'trasa-agent', file)), { recursive: true });
    cpSync(join(checkout, file), join(elsewhere, 'trasa-agent', file));
  }
  execFileSync('cp', ['-al', join(checkout, 'node_modules'), join(elsewhere, 'trasa-agent')]);
  const { status, stdout, stderr } = await run(['dpkg-buildpackage', '-us', '-uc', '-b'], {
    cwd: join(elsewhere, 'trasa-agent'),
    env: { TZ: 'Pacific/Kiritimati', LC_ALL: 'C' },
  });
  t.equal(status, 0, `${stdout}${stderr}`);
  const names = execFileSync('sh', ['-c', 'ls *.deb'], { cwd: elsewhere, encoding: 'utf8' }).trim().split('\n');
  t.equal(names.length, 2);
  for (const name of names) t.equal(hashOf(join(elsewhere, name)), hashOf(join(checkout, 'dist/deb', name)), name);
});

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
