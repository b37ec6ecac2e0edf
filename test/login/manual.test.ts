import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { usualSocket } from '../../src/login/arguments.ts';
import { exitStatus } from '../../src/policy/refusals.ts';

const manual = readFileSync(join(import.meta.dirname, '../../man/trasa-agent.8.scd'), 'utf8');
const section = (name: string): string =>
  new RegExp(`^# ${name}\\n([^]*?)(?=^# |\\n*$(?![^]))`, 'm').exec(manual)?.[1] ?? '';

t.test('the manual explains each exit status, and no other', async t => {
  const explained = [...section('EXIT STATUS').matchAll(/^\*(\d+)\*$/gm)].map(([, status]) => Number(status));
  t.strictSame(explained, [0, ...Object.values(exitStatus)]);
});

t.test('the manual names the socket', async t => {
  t.match(section('FILES'), `_${usualSocket}_`);
});

t.test('each line that the manual puts into sshd_config has its reason', async t => {
  const [, lines = ''] = /```\n([^]*?)```/.exec(section('SSHD')) ?? [];
  const reasons = section('SSHD').replace(lines, '');
  const names = lines
    .trim()
    .split('\n')
    .map(line => line.split(' ')[0] ?? '');
  t.ok(names.length > 5);
  for (const name of names) t.match(reasons, new RegExp(`^(\\*\\w+\\*, )*\\*${name}[ *]`, 'm'), name);
});
