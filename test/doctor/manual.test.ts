import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { catalog, type Severity, severities } from '../../src/doctor/catalog.ts';

const page = new URL('../../man/trasa-agent-doctor.8.scd', import.meta.url);
const made = /(?<=; made from src\/doctor\/catalog.ts\n)[^]*(?=; end of what is made from it\n)/;

const headings: Readonly<Record<Severity, string>> = {
  hole: 'Holes: in with the first factor alone',
  breakage: 'Breakages: kept out who should get in',
  warning: 'Warnings: neither, but it does not take much',
  note: 'Notes',
};

function expected(): string {
  const sections = severities.map(severity => {
    const rows = Object.entries(catalog).filter(([, row]) => row.severity === severity);
    return [`## ${headings[severity]}`, ...rows.map(([id, { means }]) => `*${id}*\n\t${means}`)].join('\n\n');
  });
  return `\n${sections.join('\n\n')}\n\n`;
}

// After a change of the catalog: TAP_SNAPSHOT=1 node test/doctor/manual.test.ts
if (process.env['TAP_SNAPSHOT'] === '1') writeFileSync(page, readFileSync(page, 'utf8').replace(made, expected));

t.test('the manual lists the findings of the catalog, and nothing else', async t => {
  t.equal(made.exec(readFileSync(page, 'utf8'))?.[0], expected());
});

t.test('each is one sentence that says what is the case', async t => {
  for (const [id, { means }] of Object.entries(catalog)) t.match(means, /^[A-Za-z~].{10,110}\.$/, id);
});
