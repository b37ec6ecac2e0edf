import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs';
import t from 'tap';
import type { Problem } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { needsRoot, privateDirectory, put } from './place.ts';

const minimal = 'trasaServerURL = "https://trasa.example.com"\nserviceID = "host-1"\nserviceKey = "never-shown"\n';

/** The option stands on line 5. */
function problemsOf(directory: string, section: string, option: string, path: string): readonly Problem[] {
  const loaded = loadConfig(put(`${directory}/agent.toml`, `${minimal}[${section}]\n${option} = "${path}"\n`));
  return loaded.kind === 'broken' ? loaded.problems : [];
}

const places = [
  ['daemon', 'socket'],
  ['daemon', 'stateDirectory'],
  ['daemon', 'auditFile'],
  ['login', 'recordDirectory'],
] as const;

for (const [section, option] of places)
  t.test(`${option} is refused where somebody else could be first`, async t => {
    const directory = privateDirectory(t);
    const problems = (path: string) => problemsOf(directory, section, option, path);
    const open = `${directory}/open`;
    mkdirSync(open);
    for (const mode of [0o777, 0o775, 0o1777]) {
      chmodSync(open, mode);
      const text = `${option} ${open}/new lies in ${open}, which others than its owner can write (mode ${(mode & 0o7777).toString(8).padStart(4, '0')})`;
      t.match(problems(`${open}/new`), [{ file: `${directory}/agent.toml`, line: 5, text, hint: /^move it/ }]);
      t.match(problems(`${open}/not/yet/there`), [{ line: 5, text: /lies in .*open, which others/ }]);
    }
    chmodSync(open, 0o777);
    mkdirSync(`${open}/ours`);
    t.match(problems(`${open}/ours/new`), [{ line: 5, text: /lies in .*open, which others/ }], 'nor below');
    symlinkSync(open, `${directory}/link`);
    t.match(problems(`${directory}/link/new`), [{ line: 5, text: /can write/ }], 'nor through a symbolic link');
    t.match(problems('/tmp/agent'), [{ line: 5, text: /lies in \/tmp, which others/ }]);
    t.strictSame(problems(`${directory}/new`), [], 'and accepted where only we can');
    t.strictSame(problems(`${directory}/not/yet/there`), []);
  });

t.test('a directory of another user is refused', { skip: needsRoot }, async t => {
  const directory = privateDirectory(t);
  mkdirSync(`${directory}/theirs`);
  chownSync(`${directory}/theirs`, 65534, 65534);
  const problems = problemsOf(directory, 'daemon', 'socket', `${directory}/theirs/agent.sock`);
  t.match(problems, [{ line: 5, text: /belongs to user id 65534, not to root/, hint: /^chown root/ }]);
});

t.test('what stands where a directory should be is said', async t => {
  const directory = privateDirectory(t);
  put(`${directory}/file`, '');
  t.match(problemsOf(directory, 'daemon', 'socket', `${directory}/file/agent.sock`), [{ text: /not a directory/ }]);
  t.match(problemsOf(directory, 'daemon', 'stateDirectory', `${directory}/file`), [{ text: /not a directory/ }]);
});
