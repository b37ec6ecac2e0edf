/**
 * `node tools/completions.ts FOLDER` writes what makes bash, zsh and fish complete `trasa-agent`, as the files of these
 * names. Made from each command's own --help, so that nothing can be forgotten.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

interface Command {
  /** Empty, or ` server start`: each word with a blank before it. */
  readonly path: string;
  readonly commands: readonly Named[];
  readonly options: readonly Option[];
}

interface Named {
  readonly name: string;
  readonly says: string;
}

interface Option extends Named {
  readonly takesValue: boolean;
  /** Empty: any value, maybe a file. */
  readonly choices: readonly string[];
}

const agent = join(import.meta.dirname, '../dist/trasa-agent');
const [folder = ''] = process.argv.slice(2);
const all = await commandsFrom('');
const paths = all.map(({ path }) => path).filter(path => path !== '');
mkdirSync(folder, { recursive: true });
for (const [shell, text] of Object.entries({ bash: bash(), zsh: zsh(), fish: fish() }))
  writeFileSync(join(folder, shell), `${text.trim()}\n`);

async function commandsFrom(path: string): Promise<Command[]> {
  const command = parseHelp(path, await helpOf(path));
  const below = await Promise.all(command.commands.map(async ({ name }) => await commandsFrom(`${path} ${name}`)));
  return [command, ...below.flat()];
}

async function helpOf(path: string): Promise<string> {
  const words = path.split(' ').filter(word => word !== '');
  return (await promisify(execFile)(agent, [...words, '--help'])).stdout;
}

/** Entries are indented, and two blanks stand before what they say; a line that is indented further goes on. */
function parseHelp(path: string, help: string): Command {
  const commands: Named[] = [];
  const options: Option[] = [];
  const text = help.replace(/^Examples:$.*?^$/ms, '').replaceAll(/\n {10,}(?=\S)/g, ' ');
  const start = `trasa-agent${path} `;
  for (const line of text.split('\n')) {
    const [, entry = '', rest = ''] = /^ {2,}(\S.*?) {2,}(\S.*)$/.exec(line) ?? [];
    const says = rest.replaceAll(/ *\[[^\]]*\]/g, '').replaceAll(/\s+/g, ' ');
    const option = /^(?:-\w, )?--([a-z][a-z-]*)( [A-Z]+)?$/.exec(entry);
    if (entry.startsWith(start)) commands.push({ name: entry.slice(start.length).split(' ')[0] ?? '', says });
    else if (option?.[1] !== undefined)
      options.push({
        name: option[1],
        says,
        takesValue: option[2] !== undefined || /\[(string|number|array|choices:)/.test(rest),
        choices: [...(/\[choices: ([^\]]*)\]/.exec(rest)?.[1] ?? '').matchAll(/[\w-]+/g)].map(([word]) => word),
      });
  }
  return { path, commands, options };
}

function bash(): string {
  return `# Completion of trasa-agent(8) for bash.
_trasa_agent() {
  local cur=\${COMP_WORDS[COMP_CWORD]} words='' so_far='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$so_far $word" in
      ${paths.map(quoted).join(' | ')}) so_far="$so_far $word" ;;
    esac
  done
  case "$so_far \${COMP_WORDS[COMP_CWORD-1]}" in
${valueOptions((place, { choices }) => `    ${quoted(place)}) words=${quoted(choices.join(' '))} ;;`)}
    *)
      case "$so_far" in
${all.map(({ path, commands, options }) => `        ${quoted(path)}) words=${quoted([...commands.map(nameOf), ...options.map(dashed)].join(' '))} ;;`).join('\n')}
      esac
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _trasa_agent trasa-agent`;
}

function zsh(): string {
  return `#compdef trasa-agent
# Completion of trasa-agent(8) for zsh.
local so_far='' word
local -a commands options
for word in \${words[2,CURRENT-1]}; do
  case "$so_far $word" in
    (${paths.map(quoted).join('|')}) so_far="$so_far $word" ;;
  esac
done
case "$so_far \${words[CURRENT-1]}" in
${valueOptions((place, { choices }) => `  (${quoted(place)}) ${choices.length === 0 ? '_files' : `compadd -- ${choices.join(' ')}`}; return ;;`)}
esac
case $so_far in
${all
  .map(
    ({ path, commands, options }) => `  (${quoted(path)})
    commands=(${commands.map(({ name, says }) => quoted(`${name}:${says}`)).join(' ')})
    options=(${options.map(option => quoted(`${dashed(option)}:${option.says}`)).join(' ')}) ;;`,
  )
  .join('\n')}
esac
_describe -t commands command commands
_describe -o option options`;
}

function fish(): string {
  return `# Completion of trasa-agent(8) for fish.
function __trasa_agent_at
    set -l so_far ''
    for word in (commandline -opc)[2..]
        contains -- "$so_far $word" ${paths.map(quoted).join(' ')}; and set so_far "$so_far $word"
    end
    test "$so_far" = "$argv[1]"
end
complete -c trasa-agent -f
${all.flatMap(fishLines).join('\n')}`;
}

function fishLines({ path, commands, options }: Command): string[] {
  const at = `complete -c trasa-agent -n ${quoted(`__trasa_agent_at "${path}"`)}`;
  return [
    ...commands.map(({ name, says }) => `${at} -a ${name} -d ${quoted(says)}`),
    ...options.map(({ name, says, takesValue, choices }) => {
      const values = choices.length === 0 ? '-rF' : `-xa ${quoted(choices.join(' '))}`;
      return `${at} -l ${name} ${takesValue ? `${values} ` : ''}-d ${quoted(says)}`;
    }),
  ];
}

function valueOptions(line: (place: string, option: Option) => string): string {
  return all
    .flatMap(({ path, options }) => options.filter(({ takesValue }) => takesValue).map(option => ({ path, option })))
    .map(({ path, option }) => line(`${path} ${dashed(option)}`, option))
    .join('\n');
}

function nameOf({ name }: Named): string {
  return name;
}

function dashed({ name }: Named): string {
  return `--${name}`;
}

/** For all three shells: what is between single quotes, with the apostrophes as typographers would have them. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", '’')}'`;
}
