import { readFileSync } from 'node:fs';
import t from 'tap';
import { options } from '../../src/cli/setup-options.ts';

t.test('trasa-agent-setup(8) has the options that there are, and no others', async t => {
  const manual = readFileSync(new URL('../../man/trasa-agent-setup.8.scd', import.meta.url), 'utf8');
  const section = /^# OPTIONS\n([^]*?)^# /m.exec(manual)?.[1] ?? '';
  const written = [...section.matchAll(/^\*--.*$/gm)].flatMap(([line]) =>
    Array.from(line.matchAll(/\*--([a-z-]+)\*/g), ([, name = '']) => name),
  );
  const there = Object.entries(options).flatMap(([name, option]) => ('hidden' in option ? [] : [name]));
  t.strictSame(written.toSorted(), there.toSorted());
});
