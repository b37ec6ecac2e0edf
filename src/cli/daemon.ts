/** `trasa-agent daemon`: puts the daemon together from its real parts and runs it. */
import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { openAudit } from '../audit/audit-log.ts';
import { openDaemonLog } from '../audit/daemon-log.ts';
import { authenticate } from '../auth/authenticate.ts';
import type { Clock, Random } from '../auth/ports.ts';
import { nodeCrypto } from '../ca/node-crypto.ts';
import type { AgentConfig, LoadedConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { options } from '../config/options.ts';
import { problemAt } from '../config/problem.ts';
import { runDaemon, runOnce } from '../daemon/run.ts';
import type { DaemonParts, OpenVerifier } from '../daemon/service.ts';
import { createDirectory } from '../host/directory.ts';
import { enterDirectory } from '../host/enter-directory.ts';
import { forbidDumps } from '../host/no-dumps.ts';
import { peerCredentials } from '../host/peer.ts';
import { toSystemLog } from '../host/system-log.ts';
import { LoginStore } from '../store/login-store.ts';
import { TrasaClient } from '../trasa/client.ts';
import { type BreakGlass, breakGlassIn } from '../verifiers/break-glass.ts';
import { TrasaServerVerifier } from '../verifiers/trasa-server.ts';

/**
 * @param args `once`: serve one login, over a socket that is connected already
 * @returns the exit status, when the daemon was told to stop
 */
export async function daemon(args: { readonly config?: string; readonly once: boolean }): Promise<number> {
  forbidDumps(); // this process holds the service key
  const clock: Clock = { now: () => Date.now() };
  const log = args.once ? openDaemonLog(clock, toSystemLog) : openDaemonLog(clock);
  const breakGlass = breakGlassIn(clock, text => log.warn(text), { mustBeWritten: args.once });
  const random: Random = { below: bound => randomInt(bound) };
  const parts: DaemonParts = {
    authenticate,
    loadConfig: () => loadConfig(args.config),
    openVerifier: config => openVerifier(config, breakGlass(config.daemon.stateDirectory)),
    openMemory: directory => new LoginStore(directory, clock),
    openAudit: file => openAudit({ clock, file }),
    directory: createDirectory(),
    peerOf: peerCredentials,
    crypto: nodeCrypto,
    clock,
    random,
    log,
  };
  // What stands in for a disk or a configuration has its memory in this process, and so needs one that goes on.
  const openEmergency: DaemonParts['openEmergency'] = directory => trouble => breakGlass(directory).alone(trouble);
  if (!args.once) return await runDaemon({ ...parts, openEmergency }, options.daemon.socket.standard, process);
  const forOne: DaemonParts = {
    ...parts,
    loadConfig: () => asOwnerOfTheState(loadConfig(args.config)),
    openAudit: file => openAudit({ clock, file, write: toSystemLog }),
  };
  return await runOnce(forOne, process);
}

/** Root has read the configuration; what comes then is for the daemon's user, to whom the state belongs. */
function asOwnerOfTheState(loaded: LoadedConfig): LoadedConfig {
  if (loaded.kind === 'broken') return loaded;
  const { config } = loaded;
  const why = enterDirectory(config.daemon.stateDirectory);
  if (why === undefined) return loaded;
  const problem = problemAt(config.source, undefined, `stateDirectory ${why}`, 'start the daemon once');
  return { kind: 'broken', problems: [problem] };
}

function openVerifier(config: AgentConfig, breakGlass: BreakGlass): OpenVerifier {
  const client = new TrasaClient(config.server, hostname());
  client.refreshCapabilities();
  return { verifier: breakGlass.behind(new TrasaServerVerifier(client)), close: () => client.close() };
}
