import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '../..');
const manual = readFileSync(join(root, 'man/trasa-agent.8.scd'), 'utf8');

for (const command of ['status', 'test', 'audit', 'support-bundle'])
  t.test(`the manual has each option of ${command}, and no other`, async t => {
    const { stdout } = spawnSync(process.execPath, [join(root, 'src/main.ts'), command, '--help'], {
      encoding: 'utf8',
    });
    const offered = [...stdout.matchAll(/^ {2,}(?:-\w, )?(--[\w-]+)/gm)].map(([, option = '']) => option);
    const entry = new RegExp(`^\\*${command}\\*\\n([^]*?)(?=^[*#])`, 'm').exec(manual)?.[1] ?? '';
    const explained = [...entry.matchAll(/^\t.*/gm)].flatMap(
      ([line]) => line.match(/(?<=^\t\*|, \*)--[\w-]+(?=\*)/g) ?? [],
    );
    const everywhere = ['--version', '--help', '--config']; // explained for all commands
    t.same(explained.toSorted(), offered.filter(option => !everywhere.includes(option)).toSorted());
  });
