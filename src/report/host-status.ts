import { hostname } from 'node:os';
import { table } from '../audit/decisions.ts';
import { lastDecisions } from '../audit/last-decisions.ts';
import type { DaemonSettings, LoadedConfig, ServerSettings } from '../config/config.ts';
import { formatProblem } from '../config/problem.ts';
import { standardConfig } from '../config/standard-config.ts';
import { connectTo } from '../relay/connect.ts';
import { TrasaClient } from '../trasa/client.ts';
import { TrasaServerVerifier } from '../verifiers/trasa-server.ts';
import { doorLines } from './doors.ts';
import { ruleLines } from './rules.ts';

export interface Section {
  readonly title: 'configuration' | 'daemon' | 'server' | 'rules' | 'doors' | 'decisions' | 'certificates' | 'proxy';
  /** False: nothing works, or nothing is enforced, for that reason. */
  readonly isWell: boolean;
  readonly lines: readonly string[];
}

/** How things stand now. Asks the daemon and the server, and changes nothing. */
export async function hostStatus(loaded: LoadedConfig, now: number): Promise<readonly Section[]> {
  const config = loaded.kind === 'loaded' ? loaded.config : standardConfig();
  const sections = [configurationSection(loaded), await daemonSection(config.daemon.socket)];
  if (loaded.kind === 'loaded') {
    sections.push(await serverSection(config.server));
    sections.push({ title: 'rules', isWell: true, lines: ruleLines(config.policy) });
  }
  return [...sections, doorsSection(), await decisionsSection(config.daemon, now)];
}

function configurationSection(loaded: LoadedConfig): Section {
  const title = 'configuration';
  if (loaded.kind === 'broken') return { title, isWell: false, lines: loaded.problems.map(formatProblem) };
  const warnings = loaded.warnings.map(warning => `warning: ${formatProblem(warning)}`);
  return { title, isWell: true, lines: [`${loaded.config.source} is valid`, ...warnings] };
}

async function daemonSection(socket: string): Promise<Section> {
  const found = await connectTo(socket, [], new AbortController().signal);
  if (found instanceof Error) return { title: 'daemon', isWell: false, lines: [`does not answer: ${found.message}`] };
  found.destroy();
  return { title: 'daemon', isWell: true, lines: [`listens on ${socket}`] };
}

async function serverSection(settings: ServerSettings): Promise<Section> {
  const client = new TrasaClient(settings, hostname());
  const trouble = await new TrasaServerVerifier(client).whyUnavailable(new AbortController().signal);
  client.close();
  const urls = settings.urls.map(url => url.origin).join(', ');
  const line = trouble === undefined ? 'accepts this host' : `${trouble.cause}: ${trouble.detail}`;
  return { title: 'server', isWell: trouble === undefined, lines: [`${urls}: ${line}`] };
}

function doorsSection(): Section {
  const lines = doorLines();
  const isWell = lines.length > 0;
  return { title: 'doors', isWell, lines: isWell ? lines : ['no line of sshd or PAM names trasa-agent'] };
}

async function decisionsSection(daemon: DaemonSettings, now: number): Promise<Section> {
  const since = now - lookedAtMs;
  const found = await lastDecisions({ ...daemon, since }, { since }, shownDecisions);
  const title = 'decisions';
  if (typeof found === 'string') return { title, isWell: false, lines: [found] };
  return { title, isWell: true, lines: found.length === 0 ? ['none in a week'] : table(found) };
}

const shownDecisions = 5;
const lookedAtMs = 7 * 24 * 3600 * 1000;
