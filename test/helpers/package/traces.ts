/** Everything there is on a booted host's disk, to compare before and after. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from './booted-host.ts';

/** What any installation of any package changes, or time does. */
const notOurs = new RegExp(
  `^(${[
    '/(dev|proc|sys|run|tmp|mnt|root|home)', // no disk, and people's own
    '/var/(log/(apt|journal|dpkg.log|[bw]tmp|alternatives.log|lastlog)|cache|lib/(dpkg|apt|systemd/timers))', // diaries
    '/etc/(passwd|group|shadow|gshadow|subuid|subgid)-', // the last version but one, by whoever changes them
    '/etc/(apt/.*|\\.pwd\\.lock|resolv\\.conf)', // the test's own sources; a lock; systemd's
  ].join('|')})($|/)`,
);

/** Path, and what is there: owner, mode, and a hash of the content. */
export type Traces = ReadonlyMap<string, string>;

export function traces(folder = '/', found = new Map<string, string>()): Traces {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (notOurs.test(path) || path === checkout) continue;
    const entry = lstatSync(path, { throwIfNoEntry: false });
    if (entry === undefined) continue; // gone meanwhile
    const about = `${entry.uid}:${entry.gid} ${entry.mode.toString(8)}`;
    if (entry.isDirectory()) {
      found.set(path, about);
      traces(path, found);
    } else if (entry.isFile())
      found.set(path, `${about} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`);
    else found.set(path, entry.isSymbolicLink() ? `-> ${readlinkSync(path)}` : about);
  }
  return found;
}

/** What came, went and changed, one line each. */
export function differences(before: Traces, after: Traces): string[] {
  const came = [...after.keys()].filter(path => !before.has(path)).map(path => `+ ${path}`);
  const went = [...before.keys()].filter(path => !after.has(path)).map(path => `- ${path}`);
  const changed = [...after].filter(([path, about]) => before.has(path) && before.get(path) !== about);
  return [...came, ...went, ...changed.map(([path]) => `! ${path}`)].toSorted();
}
