/** Every test/fixtures/config/broken/NAME.toml gives just the problems in NAME.problems. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { loadConfig } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { privateDirectory, put } from './place.ts';

const fixtures = new URL('../fixtures/config/broken/', import.meta.url);

for (const fixture of readdirSync(fixtures).filter(name => name.endsWith('.toml'))) {
  const name = fixture.replace(/\.toml$/, '');
  t.test(`${name.replaceAll('-', ' ')}: all that is wrong is said, with its line, and no secret`, async t => {
    const file = put(`${privateDirectory(t)}/${fixture}`, readFileSync(new URL(fixture, fixtures)));
    const loaded = loadConfig(file);
    const problems = loaded.kind === 'broken' ? loaded.problems : [];
    const said = `${problems.map(formatProblem).join('\n').replaceAll(file, fixture)}\n`;
    const expected = new URL(`${name}.problems`, fixtures);
    if (process.env['TAP_SNAPSHOT'] === '1') writeFileSync(expected, said); // read the difference before you keep it
    t.equal(said, readFileSync(expected, 'utf8'));
    t.notMatch(said, /never-shown/);
    t.notMatch(said, /[^\P{Cc}\n]/u, 'no control characters');
  });
}
