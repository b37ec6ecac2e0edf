import { existsSync, lstatSync } from 'node:fs';
import type { Argv } from 'yargs';
import type { LoadedConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { standardConfig } from '../config/standard-config.ts';
import { exitStatus } from '../policy/refusals.ts';
import type { Section } from '../report/host-status.ts';
import { type ProxyStanding, proxyStanding } from '../system/proxy-standing.ts';
import { exitStatuses } from './exit-statuses.ts';
import { type Parts, partsInUse, thisProgram } from './parts.ts';
import { say } from './server-common.ts';

export function statusCommand(yargs: Argv): Argv {
  return yargs.command(
    'status',
    'how things stand: configuration, daemon, server, rules, doors, last decisions, certificates, proxy',
    command =>
      command
        .options({
          config: { type: 'string', requiresArg: true, describe: 'configuration file [default: as for the daemon]' },
          json: { type: 'boolean', default: false, describe: 'one JSON object' },
        })
        .epilogue(exitStatuses('all is well', ['failed'])),
    async args => await printStatus(args.config, args.json),
  );
}

async function printStatus(config: string | undefined, json: boolean): Promise<void> {
  const parts = partsInUse(config);
  const now = Date.now();
  const sections = [
    ...(parts.host ? await ofHost(loadConfig(config), now, parts) : []),
    ...(parts.proxy ? [await ofProxy(now)] : []),
  ];
  if (json) say(JSON.stringify(Object.fromEntries(sections.map(({ title, ...rest }) => [title, rest]))));
  else
    for (const { title, isWell, lines } of sections) {
      say(`${title}${isWell ? '' : ' (NOT WELL)'}`);
      for (const line of lines) say(`  ${line}`);
    }
  if (sections.some(({ isWell }) => !isWell)) process.exitCode = exitStatus.failed;
}

async function ofHost(loaded: LoadedConfig, now: number, parts: Parts): Promise<Section[]> {
  const { hostStatus } = await import('../report/host-status.ts');
  return [...(await hostStatus(loaded, now)), ...(await certificates(loaded, now, parts))];
}

/** For programs, also what the lines were made of. */
async function ofProxy(now: number): Promise<Section & { readonly standing: ProxyStanding | string }> {
  const { proxySection } = await import('../report/proxy-section.ts');
  const standing = await proxyStanding({ self: thisProgram(), config: undefined });
  return { ...proxySection(standing, now), standing };
}

/** Of this host, and of the CA that it has, if any; of the proxy's the proxy tells. */
async function certificates(loaded: LoadedConfig, now: number, { proxy }: Parts): Promise<Section[]> {
  const { caStatus } = await import('../ca/ca-status.ts');
  const { shownCertificates } = await import('../enlist/shown-certificates.ts');
  const { usualSshd } = await import('../system/sshd-settings.ts');
  const { caDirectory } = (loaded.kind === 'loaded' ? loaded.config : standardConfig()).proxy;
  const parts = [
    await shownCertificates(usualSshd, now),
    ...(existsSync(caDirectory) && !(proxy && isOthers(caDirectory)) ? [caStatus(caDirectory, now)] : []),
  ];
  const lines = parts.flatMap(part => part.lines);
  return lines.length === 0 ? [] : [{ title: 'certificates', isWell: parts.every(({ isWell }) => isWell), lines }];
}

function isOthers(directory: string): boolean {
  return lstatSync(directory).uid !== process.geteuid?.();
}
