import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '../..');
const manual = readFileSync(join(root, 'man/trasa-agent-offline.8.scd'), 'utf8');
const help = (...words: string[]): string =>
  spawnSync(process.execPath, [join(root, 'src/main.ts'), 'offline', ...words, '--help'], { encoding: 'utf8' }).stdout;

t.test('the manual has each command and each of its options, with the default, and no other', async t => {
  const commands = [...help().matchAll(/^ {2}trasa-agent offline (\w+)/gm)].map(([, name = '']) => name);
  t.same(commands, ['enrol', 'codes', 'status', 'revoke']);
  const offered = new Set<string>();
  for (const command of commands) {
    t.match(manual, new RegExp(`^\\*${command}\\*`, 'm'));
    const text = help(command);
    for (const [, option = ''] of text.matchAll(/^ {2,}(?:-\w, )?(--[\w-]+)/gm)) offered.add(option);
    for (const [, option = '', standard = ''] of text.matchAll(/^ +(--\w+).*\[number\] \[default: (\d+)\]/gm))
      t.match(manual, new RegExp(`\\*${option}\\*[^*]*\\(${standard}\\)`), option);
  }
  for (const common of ['--help', '--version']) offered.delete(common);
  offered.delete('--confirm');
  offered.add('--no-confirm');
  const explained = new Set([...manual.matchAll(/^\t?\*(--[\w-]+)\*/gm)].map(([, option = '']) => option));
  const inText = new Set([...manual.matchAll(/\*(--[\w-]+)\*/g)].map(([, option = '']) => option));
  t.same(
    [...offered].filter(option => !inText.has(option)),
    [],
  );
  t.same(
    [...explained].filter(option => !offered.has(option)),
    [],
  );
});
