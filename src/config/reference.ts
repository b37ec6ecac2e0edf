/** The table of options as an administrator reads it: the list in trasa-agent.toml(5), and the sample file. */
import type { Option } from './option.ts';
import { options, sectionNames } from './options.ts';

/** scdoc(5) source, one heading per section. */
export function manualOptions(): string {
  const sections = sectionNames().map(section => {
    const heading = section === 'top' ? '## Above the first section' : `## [${section}]`;
    return [heading, ...rowsOf(section).map(([name, option]) => manualEntry(name, option))].join('\n\n');
  });
  return sections.join('\n\n');
}

/** A file with every option in it, each behind a `#`: with its default, or with an example where there is none. */
export function sampleFile(): string {
  const sections = sectionNames().map(section => {
    const rows = rowsOf(section);
    const lines = rows
      .filter(([, option]) => option.shown !== undefined)
      .map(([name, option]) => sampleEntry(name, option));
    const tables = rows
      .filter(([, option]) => option.shown === undefined)
      .map(([name, option]) => sampleTable(section, name, option));
    return [...(section === 'top' ? [] : [`[${section}]`]), ...lines, ...tables].join('\n\n');
  });
  return `${sampleHead}\n${sections.join('\n\n\n')}\n`;
}

const sampleHead = `# Configuration of trasa-agent. All of it is explained in trasa-agent.toml(5).
# Behind each # stands the default, or an example where there is none.
# Check it with: trasa-agent check
# It holds a key: keep it at owner root, group trasa-agent, mode 0640.
`;

function manualEntry(name: string, option: Option<unknown>): string {
  const standard = option.shown === undefined || option.isExample ? '' : `, default ${option.shown}`;
  return `*${name}* (${option.expects}${standard})\n\t${option.doc}`;
}

function sampleEntry(name: string, option: Option<unknown>): string {
  return `# ${option.doc}\n#${name} = ${option.shown}`;
}

function sampleTable(section: string, name: string, option: Option<unknown>): string {
  return `# ${option.doc}\n[${section}.${name}]`;
}

function rowsOf(section: keyof typeof options): [string, Option<unknown>][] {
  return Object.entries<Option<unknown>>(options[section]);
}
