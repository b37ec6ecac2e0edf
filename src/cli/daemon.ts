/** `trasa-agent daemon`: puts the daemon together from its real parts and runs it. */
import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { openAudit } from '../audit/audit-log.ts';
import { openDaemonLog } from '../audit/daemon-log.ts';
import { authenticate } from '../auth/authenticate.ts';
import type { Clock, Random } from '../auth/ports.ts';
import type { AgentConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { options } from '../config/options.ts';
import { runDaemon } from '../daemon/run.ts';
import type { OpenVerifier } from '../daemon/service.ts';
import { createDirectory } from '../host/directory.ts';
import { forbidDumps } from '../host/no-dumps.ts';
import { peerCredentials } from '../host/peer.ts';
import { LoginStore } from '../store/login-store.ts';
import { TrasaClient } from '../trasa/client.ts';
import { type BreakGlass, breakGlassIn } from '../verifiers/break-glass.ts';
import { TrasaServerVerifier } from '../verifiers/trasa-server.ts';

/** @returns the exit status, when the daemon was told to stop */
export async function daemon(args: { readonly config?: string }): Promise<number> {
  forbidDumps(); // this process holds the service key
  const clock: Clock = { now: () => Date.now() };
  const log = openDaemonLog(clock);
  const breakGlass = breakGlassIn(clock, text => log.warn(text));
  const random: Random = { below: bound => randomInt(bound) };
  return await runDaemon(
    {
      authenticate,
      loadConfig: () => loadConfig(args.config),
      openVerifier: config => openVerifier(config, breakGlass(config.daemon.stateDirectory)),
      openMemory: directory => new LoginStore(directory, clock),
      openEmergency: directory => trouble => breakGlass(directory).alone(trouble),
      openAudit: file => openAudit({ clock, file }),
      directory: createDirectory(),
      peerOf: peerCredentials,
      clock,
      random,
      log,
    },
    options.daemon.socket.standard,
    process,
  );
}

function openVerifier(config: AgentConfig, breakGlass: BreakGlass): OpenVerifier {
  const client = new TrasaClient(config.server, hostname());
  client.refreshCapabilities();
  return { verifier: breakGlass.behind(new TrasaServerVerifier(client)), close: () => client.close() };
}
