import type { Argv } from 'yargs';
import type { AgentConfig, Problem, ProxySettings } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { standardConfig } from '../config/standard-config.ts';
import type { ExaminedProxy, ServiceAtServer } from '../doctor/proxy-facts.ts';
import { enterDirectory } from '../host/enter-directory.ts';
import { forbidDumps } from '../host/no-dumps.ts';
import { exitStatus } from '../policy/refusals.ts';
import type { ProxyStanding, Said } from '../system/proxy-standing.ts';
import { exitStatuses } from './exit-statuses.ts';
import { say } from './server-common.ts';

/** `trasa-agent proxy status`, for root and the proxy's own user; `doctor`, `status` and `support-bundle` ask it. */
export function proxyStatusCommand<T>(yargs: Argv<T>): Argv<T> {
  return yargs.command(
    'status',
    'how the proxy stands: since when it runs, sessions, who waits, what ends soon',
    command =>
      command
        .options({
          config: { type: 'string', requiresArg: true, describe: 'configuration file [default: as for the proxy]' },
          json: { type: 'boolean', default: false, describe: 'one JSON object' },
          examine: {
            type: 'boolean',
            default: false,
            describe: 'call the proxy, try the passphrase of the User CA and ask the server, as doctor does',
          },
          offline: { type: 'boolean', default: false, describe: 'ask no server' },
        })
        .epilogue(exitStatuses('all is well', ['failed'])),
    async args => await printStatus(args),
  );
}

interface Arguments {
  readonly config?: string | undefined;
  readonly json: boolean;
  readonly examine: boolean;
  readonly offline: boolean;
}

async function printStatus({ json, ...args }: Arguments): Promise<void> {
  const { proxySection } = await import('../report/proxy-section.ts');
  const standing = await look(args, Date.now());
  const { isWell, lines } = proxySection(standing, Date.now());
  if (json) say(JSON.stringify(standing));
  else for (const line of lines) say(line);
  if (!isWell) process.exitCode = exitStatus.failed;
}

/** As the proxy's own user, who reads the configuration once more: what root can read, that one may not. */
async function look(
  { config: file, examine, offline }: Omit<Arguments, 'json'>,
  now: number,
): Promise<ProxyStanding | ExaminedProxy> {
  forbidDumps(); // this process may open the User CA
  const asCalled = loadConfig(file, undefined, 'proxy');
  const { stateDirectory } = (asCalled.kind === 'loaded' ? asCalled.config : standardConfig()).proxy;
  const fault = enterDirectory(stateDirectory);
  const loaded = fault === undefined ? loadConfig(file, undefined, 'proxy') : asCalled;
  const isLoaded = loaded.kind === 'loaded';
  const standing = {
    source: isLoaded ? loaded.config.source : (loaded.problems[0]?.file ?? ''),
    problems: isLoaded ? [] : loaded.problems.map(saidOf),
    warnings: isLoaded ? loaded.warnings.map(saidOf) : [],
    unseen: fault ?? null,
  };
  if (!isLoaded || fault !== undefined) return { ...standing, sight: null, servers: [] };
  const { proxySight } = await import('../proxy/standing/standing.ts');
  const sight = await proxySight(loaded.config, { now, isThorough: examine });
  return { ...standing, sight, servers: examine && !offline ? await atServers(loaded.config) : [] };
}

function saidOf({ file, line, text, hint }: Problem): Said {
  return { text, place: line === undefined ? file : `${file}:${line}`, hint: hint ?? null };
}

/** The proxy itself, and each service that the server knows by an ID of its own. */
async function atServers({ server, proxy }: AgentConfig): Promise<ServiceAtServer[]> {
  const { gatherServers } = await import('../doctor/gather/servers.ts');
  const seen: ServiceAtServer[] = [];
  for (const { names, ...identity } of identitiesOf(server.serviceID, proxy))
    for (const sight of await gatherServers({ ...server, ...identity })) seen.push({ services: names, sight });
  return seen;
}

/** Each is a connection of its own to each server. */
const maxIdentities = 50;

type Identity = Partial<Pick<AgentConfig['server'], 'serviceID' | 'serviceKey'>>;

function identitiesOf(ownID: string, { services }: ProxySettings): (Identity & { readonly names: string[] })[] {
  const others = new Map<string, Identity & { readonly names: string[] }>();
  for (const { name, serviceID, serviceKey } of services.values()) {
    if (serviceID === ownID) continue;
    const known = others.get(serviceID);
    if (known === undefined) others.set(serviceID, { serviceID, serviceKey, names: [name] });
    else known.names.push(name);
  }
  return [{ names: [] }, ...others.values()].slice(0, maxIdentities);
}
