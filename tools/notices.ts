/** Prints the licences of what the executable holds: Node, and the npm packages that are bundled into it. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Locked {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}

const root = join(import.meta.dirname, '..');
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Locked;
const bundled = Object.entries(packages)
  .filter(([folder, { dev = false, optional = false }]) => folder !== '' && !dev && !optional)
  .map(([folder]) => folder);

for (const folder of [`node_modules/node-linux-${process.arch}`, ...bundled]) {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest;
  console.log(`${'='.repeat(78)}\n${name} ${version}${license === undefined ? '' : ` (${license})`}\n`);
  for (const file of globSync('{LICEN[CS]E,COPYING,NOTICE}*', { cwd: join(root, folder) }).toSorted())
    console.log(`${readFileSync(join(root, folder, file), 'utf8').trim()}\n`);
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}
