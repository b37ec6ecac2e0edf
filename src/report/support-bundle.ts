import { readFileSync } from 'node:fs';
import { arch, hostname, release } from 'node:os';
import { dirname } from 'node:path';
import { type LoggedDecision, table } from '../audit/decisions.ts';
import { lastDecisions } from '../audit/last-decisions.ts';
import { eachLine } from '../audit/log-source.ts';
import type { AgentConfig, LoadedConfig } from '../config/config.ts';
import { standardConfig } from '../config/standard-config.ts';
import { cleanText } from '../protocol/clean.ts';
import { configSecrets, configValues } from './config-values.ts';
import { fileLines, spaceLine } from './files.ts';
import { hostStatus } from './host-status.ts';
import { type BundledProxy, proxyParts } from './proxy-parts.ts';
import { scrub } from './scrub.ts';

/**
 * What somebody who helps needs to know of this host, as one text. Nothing is copied from a file as it stands, but for the
 * lines that name us; what people ran is left out; and then all of it is scrubbed.
 */
export async function supportBundle(
  loaded: LoadedConfig,
  version: string,
  now: number,
  proxy?: BundledProxy,
): Promise<string> {
  const isLoaded = loaded.kind === 'loaded';
  const config = isLoaded ? loaded.config : standardConfig();
  const since = now - lookedAtMs;
  const status = await hostStatus(loaded, now);
  const found = await lastDecisions({ ...config.daemon, since }, { since }, maxDecisions);
  const parts: readonly (readonly [string, readonly string[]])[] = [
    ['about', aboutLines(version, now)],
    ...status.map(({ title, isWell, lines }) => [`status: ${title}${isWell ? '' : ' (NOT WELL)'}`, lines] as const),
    [`values${isLoaded ? '' : ' (defaults: there is no configuration)'}`, configValues(config).split('\n')],
    ['files', fileLines(placesOf(config))],
    ['space', [spaceLine('/'), spaceLine(config.daemon.stateDirectory)]],
    ['decisions of a week', typeof found === 'string' ? [found] : table(found)],
    ['their details', typeof found === 'string' ? [] : found.filter(({ detail }) => detail !== '').map(detailLine)],
    ["the daemon's warnings of a week", await warningLines(config, since)],
    ...(proxy === undefined ? [] : await proxyParts(proxy, now)),
  ];
  const text = parts.map(([title, lines]) => `== ${title}\n${lines.map(line => `${line}\n`).join('')}`).join('\n');
  const ofProxy = proxy?.loaded.kind === 'loaded' ? configSecrets(proxy.loaded.config) : [];
  return scrub(text, [...configSecrets(config), ...ofProxy]);
}

const lookedAtMs = 7 * 24 * 3600 * 1000;
const maxDecisions = 200;
const maxWarnings = 200;

function aboutLines(version: string, now: number): readonly string[] {
  return [
    version,
    `made ${new Date(now).toISOString()} on ${hostname()}`,
    `Node ${process.version}, Linux ${release()} ${arch()}`,
    /^PRETTY_NAME="?(.*?)"?$/m.exec(read('/etc/os-release'))?.[1] ?? 'no os-release',
  ];
}

/** The directories and files of ours, wherever the configuration puts them. */
function placesOf({ source, daemon, login }: AgentConfig): readonly string[] {
  const given = [source, daemon.auditFile].filter(path => path !== '');
  const known = ['/etc/trasa', '/usr/lib/trasa-agent', dirname(daemon.socket), daemon.stateDirectory];
  return [...new Set([...known, login.recordDirectory, ...given])];
}

function detailLine({ attempt, reason, detail }: LoggedDecision): string {
  return `${attempt} ${reason}: ${detail}`;
}

/** They go to standard output, and so to the journal, whether or not there is an audit file. */
async function warningLines({ daemon }: AgentConfig, since: number): Promise<readonly string[]> {
  const warnings: string[] = [];
  const fault = await eachLine({ ...daemon, auditFile: '', since }, line => {
    if (/"event":"daemon","level":"(warning|error)"/.test(line)) warnings.push(cleanText(line, maxLine));
  });
  return [...warnings.slice(-maxWarnings), ...(fault === undefined ? [] : [fault])];
}

const maxLine = 1000;

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
