/** What bash, zsh and fish offer after `trasa-agent`. The real shells are asked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';

const folder = mkdtempSync(join(tmpdir(), 'trasa-completions-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const tool = join(import.meta.dirname, '../../tools/completions.ts');
t.match(await run([process.execPath, tool, folder]), { status: 0, stderr: '' });

t.test('bash: commands, options, and the values of an option', async t => {
  const all = await bash('trasa-agent', '');
  for (const word of ['login', 'pam', 'daemon', 'check', 'server', '--help']) t.ok(all.includes(word), word);
  t.same(await bash('trasa-agent', 'server', 'enrol', ''), ['totp', 'push', '--version', '--help']);
  t.same(await bash('trasa-agent', 'check', '--o'), ['--offline']);
  t.same(await bash('trasa-agent', 'server', 'enrol', 'totp', 'a@example.com', '--algorithm', ''), [
    'sha1',
    'sha256',
    'sha512',
  ]);
  t.same(await bash('trasa-agent', 'nonsense', 'totp', '--al'), [], 'of a command that it does not know: nothing');
  t.match(await run(['shellcheck', '--shell=bash', join(folder, 'bash')]), { status: 0, stdout: '' });
});

t.test('fish: the same', async t => {
  t.match(await fish('trasa-agent che'), /^check\tcheck the configuration/);
  t.match(await fish('trasa-agent server enrol totp a@example.com --algorithm '), /^sha1\b.*\nsha256/s);
  t.match(await fish('trasa-agent check --o'), /^--offline\t/);
});

t.test('zsh: the same', async t => {
  const zsh = async (words: string) => (await run(['zsh', '-fc', asked(words)])).stdout;
  t.match(await zsh("trasa-agent ''"), /^login\n(.*\n)*server\n(.*\n)*--help\n/);
  t.match(await zsh("trasa-agent server enrol totp a --algorithm ''"), /^sha1 sha256 sha512\n$/);
  t.match(await zsh('trasa-agent check --o'), /^--offline$/m);
});

async function bash(...words: readonly string[]): Promise<string[]> {
  const script = `. ${folder}/bash; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _trasa_agent; echo "\${COMPREPLY[@]}"`;
  return (await run(['bash', '-c', script, '-', ...words])).stdout.split(/\s+/).filter(word => word !== '');
}

async function fish(line: string): Promise<string> {
  return (await run(['fish', '--no-config', '-c', `source ${folder}/fish; complete -C ${JSON.stringify(line)}`]))
    .stdout;
}

/** zsh completes at a terminal only: here its own functions print what they are given. */
function asked(words: string): string {
  return `
    _describe() { local given=\${@[-1]}; for one in "\${(@P)given}"; do print -r -- \${one%%:*}; done }
    compadd() { shift; print -r -- "$@" }
    ask() { source ${folder}/zsh }
    words=(${words}) CURRENT=\${#words}
    ask`;
}
