import { readFileSync, writeFileSync } from 'node:fs';
import { parse, type TomlTable, type TomlValue } from 'smol-toml';
import t from 'tap';
import { isTable, type Option } from '../../src/config/option.ts';
import { options } from '../../src/config/options.ts';
import { manualOptions, sampleFile } from '../../src/config/reference.ts';

const manualPath = new URL('../../man/trasa-agent.toml.5.scd', import.meta.url);
const samplePath = new URL('../../debian/trasa-agent.toml', import.meta.url);
const made = /(?<=; made from src\/config\/options.ts\n)[^]*(?=; end of what is made from it\n)/;

// After a change of the table: TAP_SNAPSHOT=1 node test/config/reference.test.ts
if (process.env['TAP_SNAPSHOT'] === '1') {
  const manual = readFileSync(manualPath, 'utf8');
  writeFileSync(
    manualPath,
    manual.replace(made, () => `\n${manualOptions()}\n\n`),
  );
  writeFileSync(samplePath, sampleFile());
}

t.test('the manual lists the options of the table, and nothing else', async t => {
  t.equal(made.exec(readFileSync(manualPath, 'utf8'))?.[0].trim(), manualOptions());
});

t.test('the sample file shows the options of the table, and nothing else', async t => {
  t.equal(readFileSync(samplePath, 'utf8'), sampleFile());
});

t.test('the sample file as it is sets nothing', async t => {
  t.strictSame(leaves(parse(sampleFile())), []);
});

t.test('every line of the sample is valid, and a default is the one of the table', async t => {
  const uncommented = sampleFile().replace(/^#(?=\w+ = )/gm, '');
  const sample = parse(uncommented);
  for (const [section, rows] of Object.entries(options))
    for (const [name, option] of Object.entries<Option<unknown>>(rows)) {
      const table = section === 'top' ? sample : sample[section];
      const value = table !== undefined && isTable(table) ? table[name] : undefined;
      t.not(value, undefined, `${section}.${name} is in the sample`);
      const reading = option.read(value ?? '');
      t.equal(reading.kind, 'value', `${section}.${name} is valid`);
      if (!option.isExample)
        t.strictSame(reading, { kind: 'value', value: option.standard }, `${name} has its default`);
    }
});

t.test('the text of every option is one line that ends in a full stop', async t => {
  for (const rows of Object.values(options))
    for (const [name, option] of Object.entries<Option<unknown>>(rows)) t.match(option.doc, /^[^\n]+\.$/, name);
});

function leaves(table: TomlTable): string[] {
  return Object.entries(table).flatMap(([key, value]: [string, TomlValue]) => (isTable(value) ? leaves(value) : [key]));
}
