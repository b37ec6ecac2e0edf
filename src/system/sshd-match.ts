/**
 * The lines of sshd_config(5): where a setting stands, and which connections Match lines are about, to ask sshd about them.
 * What all of it means is for sshd to say; a line that is not understood here only leaves a question out.
 */
import { globSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { readText } from './read-text.ts';

/** What of a connection a Match line looks at, besides the account. */
export interface MatchSample {
  /** `file:line` of the first line that is about it. */
  readonly place: string;
  readonly address?: string;
  readonly host?: string;
  readonly localAddress?: string;
  readonly localPort?: number;
}

export interface MatchLines {
  /** One that each line matches, as far as the patterns tell; without doubles. */
  readonly samples: readonly MatchSample[];
  /** Names in `Match User` without wildcards. */
  readonly users: readonly string[];
  /** The configuration and all that it includes. */
  readonly files: readonly string[];
  /** `file:line` of each line with this keyword, in lower case. */
  readonly placesOf: (keyword: string) => readonly string[];
}

const maxFiles = 64;
const maxDepth = 16;
/** Beside sshd_config, where relative includes are looked for. */
const folder = '/etc/ssh';

export function matchLines(configFile = join(folder, 'sshd_config')): MatchLines {
  const files: string[] = [];
  const lines: MatchLine[] = [];
  const places = new Map<string, string[]>();
  const visit = (file: string, depth: number): void => {
    if (files.length >= maxFiles || depth > maxDepth || files.includes(file)) return;
    const text = readText(file);
    if (text === undefined) return;
    files.push(file);
    for (const [index, line] of text.split('\n').entries()) {
      const [, word = '', rest = ''] = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? [];
      const keyword = word.toLowerCase();
      const place = `${file}:${index + 1}`;
      places.set(keyword, [...(places.get(keyword) ?? []), place]);
      if (keyword === 'match') lines.push({ place, criteria: rest });
      if (keyword !== 'include') continue;
      for (const pattern of unquoted(rest))
        for (const found of globSync(isAbsolute(pattern) ? pattern : join(folder, pattern)).toSorted())
          visit(found, depth + 1);
    }
  };
  visit(configFile, 0);
  return { ...parseMatches(lines), files, placesOf: keyword => places.get(keyword) ?? [] };
}

export interface MatchLine {
  readonly place: string;
  /** What follows `Match`. */
  readonly criteria: string;
}

export function parseMatches(lines: readonly MatchLine[]): Pick<MatchLines, 'samples' | 'users'> {
  const samples = new Map<string, MatchSample>();
  const users = new Set<string>();
  for (const { place, criteria: text } of lines) {
    const criteria = criteriaOf(text);
    for (const user of criteria.get('user') ?? []) if (/^[^!*?]+$/.test(user)) users.add(user);
    const address = sampleAddress(criteria.get('address'));
    const host = sampleName(criteria.get('host'));
    const localAddress = sampleAddress(criteria.get('localaddress'));
    const localPort = Number(criteria.get('localport')?.[0] ?? Number.NaN);
    const sample = {
      ...(address === undefined ? {} : { address }),
      ...(host === undefined ? {} : { host }),
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(Number.isInteger(localPort) ? { localPort } : {}),
    };
    const key = JSON.stringify(sample);
    if (key !== '{}' && !samples.has(key)) samples.set(key, { place, ...sample });
  }
  return { samples: [...samples.values()], users: [...users] };
}

/** `User a,b Address 10.0.0.0/8`, and `User=a` as well. */
function criteriaOf(line: string): ReadonlyMap<string, readonly string[]> {
  const criteria = new Map<string, readonly string[]>();
  const words = unquoted(line.replace(/\s+#.*$/, '').replaceAll('=', ' '));
  for (let i = 0; i + 1 < words.length; i += 2)
    criteria.set((words[i] ?? '').toLowerCase(), (words[i + 1] ?? '').split(','));
  return criteria;
}

function unquoted(text: string): string[] {
  return Array.from(text.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? '');
}

/** The first address in the first network, or one that fits the pattern. */
function sampleAddress(patterns: readonly string[] | undefined): string | undefined {
  const pattern = patterns?.find(one => !one.startsWith('!') && one !== '*');
  if (pattern === undefined) return undefined;
  const [network = '', bits] = pattern.split('/');
  if (bits === undefined) return pattern.replace(/[*?]/g, '1');
  if (network.includes(':')) return network.endsWith('::') ? `${network}1` : network;
  const last = Number(network.split('.').at(-1));
  return Number(bits) < 32 && last < 255 ? network.replace(/\d+$/, String(last + 1)) : network;
}

function sampleName(patterns: readonly string[] | undefined): string | undefined {
  const pattern = patterns?.find(one => !one.startsWith('!') && one !== '*');
  return pattern?.replace(/[*?]/g, 'x');
}
