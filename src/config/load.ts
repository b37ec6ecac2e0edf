/** From a file to a configuration, or to all that is wrong with it. */
import { readSafely, type SafeRead } from '../host/safe-open.ts';
import { assemble } from './assemble.ts';
import type { LoadedConfig, Problem } from './config.ts';
import { crossCheck } from './contradictions.ts';
import { parseDocument } from './document.ts';
import { unsafePlaces } from './places.ts';
import { problemAt, unsafeAt } from './problem.ts';
import { originalTable, type ReadOptions, readOptions } from './read-options.ts';
import {
  readAuthorities,
  readCaKeys,
  readProxyServices,
  readServiceKey,
  systemCA,
  trustProxyCA,
} from './referred-files.ts';

/** Where a configuration is looked for, in this order: ours, then the original PAM module's. */
export const usualPlaces = ['/etc/trasa/trasa-agent.toml', '/etc/trasa/config/trasapam.toml'] as const;
/** The proxy's own, which its unit names, comes first. */
const usualPlacesOfProxy = ['/etc/trasa/trasa-proxy.toml', ...usualPlaces] as const;

const maxBytes = 1024 * 1024;

/**
 * Reads the file, and the key and CA files that it names. Without a path: the first of the usual places that exists.
 * Of the places where files are made, and of the key files of services, those are looked at that are `whose`: neither
 * daemon nor proxy can see the other's.
 * Throws only on a bug; whatever is found on disk is `loaded` or `broken`.
 */
export function loadConfig(
  path?: string,
  places?: readonly string[],
  whose: 'daemon' | 'proxy' = 'daemon',
): LoadedConfig {
  const usual = whose === 'proxy' ? usualPlacesOfProxy : usualPlaces;
  const { file, read } = path === undefined ? readFirst(places ?? usual) : readOne(path);
  if (read.kind === 'refused') return broken(unsafeAt(file, read.problem));
  const document = parseDocument(read.text);
  if (document.kind === 'syntax') return broken(problemAt(file, document.line, document.text, document.hint));
  const options = readOptions(file, document.table, document.lineOf);
  if (options.given.size + options.problems.length === 0)
    return broken(problemAt(file, undefined, 'sets no option', 'it needs trasaServerURL, serviceID and serviceKey'));
  const problems: Problem[] = [...options.problems];
  const warnings: Problem[] = [];
  // The original installed its file world-readable: such a file works as it is, with a warning. Ours is refused.
  const isOriginal = Object.hasOwn(document.table, originalTable);
  (isOriginal ? warnings : problems).push(...exposedSecrets(file, read, options));
  const crossed = crossCheck(file, options);
  problems.push(...crossed.problems);
  warnings.push(...crossed.warnings);
  problems.push(...unsafePlaces(file, options, whose));
  const serviceKey = readServiceKey(file, options, problems);
  const ca = readAuthorities(file, options, problems);
  const services =
    whose === 'proxy' ? readProxyServices(file, options, serviceKey, problems) : new Map<string, never>();
  const { policy, proxy } = options.values;
  const cas =
    whose === 'daemon'
      ? { proxyCAs: readCaKeys(file, options, trustProxyCA(policy.trustProxyCA), problems) }
      : { systemCAs: readCaKeys(file, options, systemCA(proxy.systemCA), problems) };

  if (problems.length > 0 || serviceKey === undefined) return broken(...problems);
  return {
    kind: 'loaded',
    config: assemble(file, options.values, serviceKey, ca, services, cas),
    warnings: inOrder(warnings),
  };
}

function readFirst(places: readonly string[]): { file: string; read: SafeRead } {
  const [first = usualPlaces[0], ...rest] = places;
  const found = readOne(first);
  const isMissing = found.read.kind === 'refused' && found.read.problem.cause === 'missing';
  if (!isMissing || rest.length === 0) return found;
  const next = readFirst(rest);
  const noneExists = next.read.kind === 'refused' && next.read.problem.cause === 'missing';
  return noneExists ? found : next;
}

function readOne(file: string): { file: string; read: SafeRead } {
  return { file, read: readSafely(file, { maxBytes }) };
}

function exposedSecrets(
  file: string,
  read: SafeRead & { kind: 'read' },
  { values, given, lineOf }: ReadOptions,
): Problem[] {
  if (!read.worldReadable) return [];
  const exposed: string[] = [];
  if (given.has('serviceKey')) exposed.push('serviceKey');
  if (values.top.httpProxy !== undefined && values.top.httpProxy.password !== '') exposed.push('httpProxy');
  const isKeyOfService = [...values.proxy.services.values()].some(({ serviceKey }) => serviceKey !== '');
  if (isKeyOfService) exposed.push('proxy.services');
  return exposed.map(name =>
    problemAt(
      file,
      lineOf(name.split('.')),
      `${name} is in a file that everyone can read (mode ${read.mode})`,
      `chmod o-r ${file}`,
    ),
  );
}

function broken(...problems: readonly Problem[]): LoadedConfig {
  return { kind: 'broken', problems: inOrder(problems) };
}

/** By line; what has none comes last. */
function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => (a.line ?? Number.MAX_SAFE_INTEGER) - (b.line ?? Number.MAX_SAFE_INTEGER));
}
