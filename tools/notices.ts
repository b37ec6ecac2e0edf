/** Prints the licences of what the executable holds: Node, and the npm packages that are bundled into it. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import lock from '../package-lock.json' with { type: 'json' };

interface Locked {
  readonly version?: string;
  readonly license?: string;
  /** Needed to build or test only. */
  readonly dev?: boolean;
  /** Node itself, for one machine or the other. */
  readonly optional?: boolean;
}

const root = join(import.meta.dirname, '..');
const node = `node_modules/node-linux-${process.arch}`;

for (const [folder, { version, license, dev = false, optional = false }] of Object.entries<Locked>(lock.packages)) {
  if (folder === '' || ((dev || optional) && folder !== node)) continue;
  const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
  console.log(`${'='.repeat(78)}\n${name} ${version}${license === undefined ? '' : ` (${license})`}\n`);
  for (const file of globSync('{LICEN[CS]E,COPYING,NOTICE}*', { cwd: join(root, folder) }).toSorted())
    console.log(`${readFileSync(join(root, folder, file), 'utf8').trim()}\n`);
}
