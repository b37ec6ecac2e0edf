/** The lines that we tell administrators to write, in the stacks of their distributions: nobody gets around them. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { parseService } from '../../src/system/pam-stack.ts';
import { wayAround, wayThrough } from '../../src/system/pam-walk.ts';
import { secondFactorAt } from '../../src/system/second-factor.ts';
import { distributions } from './distributions.ts';

const samples = join(import.meta.dirname, '../../pam/samples');

for (const [distribution, files] of Object.entries(distributions))
  for (const path of globSync(`${samples}/${distribution}/*`).toSorted())
    t.test(`${distribution}: ${basename(path)}`, async t => {
      const all: Record<string, string> = { ...files };
      all[basename(path)] = readFileSync(path, 'utf8');
      const service = parseService(basename(path), name => {
        const text = all[name];
        return text === undefined ? undefined : { file: name, text };
      });
      if (service.kind === 'refused') throw new Error(service.why);
      t.strictSame(service.faults, []);
      let asks = 0;
      for (const phase of ['auth', 'account'] as const) {
        // in su, root becomes anybody: what pam_rootok lets in was root already
        const stack = service.stacks[phase].filter(({ module }) => module !== 'pam_rootok.so');
        if (!stack.some(entry => secondFactorAt(entry, phase) !== undefined)) continue;
        asks += 1;
        t.strictSame(wayAround(stack, phase), { kind: 'none' }, phase);
        t.equal(wayThrough(stack, phase).kind, 'found', phase);
      }
      t.ok(asks > 0, 'it asks');
    });
