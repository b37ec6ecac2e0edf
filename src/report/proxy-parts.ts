/** What a support bundle has of the access proxy. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { table } from '../audit/decisions.ts';
import { lastDecisions } from '../audit/last-decisions.ts';
import { eachLine, type LogSource } from '../audit/log-source.ts';
import type { LoadedConfig, ProxySettings } from '../config/config.ts';
import { standardConfig } from '../config/standard-config.ts';
import { cleanText } from '../protocol/clean.ts';
import type { KeptHostKey, ProxyStanding } from '../system/proxy-standing.ts';
import { proxyValues } from './config-values.ts';
import { fileLines, spaceLine } from './files.ts';
import { proxySection } from './proxy-section.ts';

export interface BundledProxy {
  readonly loaded: LoadedConfig;
  /** A string says why it is not known. */
  readonly standing: ProxyStanding | string;
}

type Part = readonly [title: string, lines: readonly string[]];

const lookedAtMs = 7 * 24 * 3600 * 1000;
const maxDecisions = 200;

/** Recordings by name and size only; of the log what names no command. */
export async function proxyParts({ loaded, standing }: BundledProxy, now: number): Promise<readonly Part[]> {
  const isLoaded = loaded.kind === 'loaded';
  const config = isLoaded ? loaded.config : standardConfig();
  const { proxy } = config;
  const since = now - lookedAtMs;
  const source = {
    auditFile: proxy.auditFile,
    stateDirectory: proxy.stateDirectory,
    since,
    unit: 'trasa-proxy.service',
  };
  const found = await lastDecisions(source, { since }, maxDecisions);
  const { isWell, lines } = proxySection(standing, now);
  const keys = typeof standing === 'string' ? [] : (standing.sight?.hostKeys ?? []);
  return [
    [`status: proxy${isWell ? '' : ' (NOT WELL)'}`, lines],
    [`values of the proxy${isLoaded ? '' : ' (defaults: there is no configuration)'}`, proxyValues(config).split('\n')],
    ['files of the proxy', fileLines(placesOf(config.source, proxy))],
    ['space of the proxy', [spaceLine(proxy.stateDirectory), spaceLine(proxy.recordDirectory)]],
    ['recordings', recordingLines(proxy.recordDirectory)],
    ['keys of hosts', keys.map(keyLine)],
    ["the proxy's decisions of a week", typeof found === 'string' ? [found] : table(found)],
    [
      'details of those',
      typeof found === 'string'
        ? []
        : found
            .filter(one => one.detail !== '')
            .map(({ attempt, reason, detail }) => `${attempt} ${reason}: ${detail}`),
    ],
    ["the proxy's log of a week", await logLines(source)],
  ];
}

/** Directories of secrets by what lies in them, as the daemon's. */
function placesOf(source: string, { stateDirectory, caDirectory, auditFile }: ProxySettings): readonly string[] {
  return [...new Set([source, caDirectory, stateDirectory, auditFile].filter(path => path !== ''))];
}

const maxRecordings = 500;

/** The newest: their names begin with the time. */
function recordingLines(directory: string): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(directory).toSorted();
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  const shown = names.slice(-maxRecordings);
  const left = names.length - shown.length;
  return [...(left === 0 ? [] : [`${left} older ones`]), ...shown.map(name => sizeLine(directory, name))];
}

function sizeLine(directory: string, name: string): string {
  const entry = lstatSync(join(directory, name), { throwIfNoEntry: false });
  return `${cleanText(name, 200)} ${entry === undefined ? 'is gone' : `${entry.size} bytes`}`;
}

function keyLine({ service, address, state, key, since, by }: KeptHostKey): string {
  return cleanText([service, address, state, key, `since ${since}`, `by ${by}`].join(' '), 500);
}

const maxLogLines = 300;
const maxLine = 1000;

/** What the proxy says of itself. It goes to standard output, and so to the journal, whether or not there is an audit file. */
async function logLines(source: LogSource): Promise<readonly string[]> {
  const lines: string[] = [];
  const fault = await eachLine({ ...source, auditFile: '' }, line => {
    if (/"event":"proxy"/.test(line)) lines.push(cleanText(line, maxLine));
    if (lines.length >= 2 * maxLogLines) lines.splice(0, maxLogLines);
  });
  return [...lines.slice(-maxLogLines), ...(fault === undefined ? [] : [fault])];
}
