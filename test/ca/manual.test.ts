import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const manual = readFileSync(join(import.meta.dirname, '../../man/trasa-agent-ca.8.scd'), 'utf8');
const program = join(import.meta.dirname, '../../src/main.ts');

t.test('the manual names every command and every option that the help names', t => {
  const commands = [...help().matchAll(/^ {2}trasa-agent ca ([a-z-]+)/gm)].map(([, name = '']) => name);
  t.ok(commands.length >= 8, commands.join(' '));
  for (const command of commands) {
    t.ok(manual.includes(`\n*trasa-agent ca ${command}*`), `${command} in the synopsis`);
    t.ok(manual.includes(`\n*${command}*`), `${command} among the commands`);
    const options = [...help(command).matchAll(/^ +(?:-h, )?(--[a-z0-9-]+)/gm)].map(([, name = '']) => name);
    for (const option of options.filter(name => name !== '--version' && name !== '--help'))
      t.ok(manual.includes(`*${option}*`), `${command} ${option}`);
  }
  t.end();
});

function help(...words: string[]): string {
  return execFileSync(process.execPath, [program, 'ca', ...words, '--help'], { encoding: 'utf8' });
}
