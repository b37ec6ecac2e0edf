/** `trasa-agent proxy`, from its real parts: the process that listens, and those that it starts. */
import { randomInt } from 'node:crypto';
import { availableParallelism, hostname } from 'node:os';
import { openAudit } from '../audit/audit-log.ts';
import { openDaemonLog } from '../audit/daemon-log.ts';
import { authenticate } from '../auth/authenticate.ts';
import type { Clock } from '../auth/ports.ts';
import type { AgentConfig, ServiceIdentity } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { forbidDumps } from '../host/no-dumps.ts';
import { exitStatus } from '../policy/refusals.ts';
import { lineToPrimary, spawnWorker } from '../proxy/crew/spawn.ts';
import { runWorker } from '../proxy/crew/worker.ts';
import { runProxy } from '../proxy/run.ts';
import type { Servers } from '../proxy/service.ts';
import { dial } from '../proxy/upstream/dial.ts';
import { Approvals } from '../store/approvals.ts';
import { HostKeyStore } from '../store/host-keys.ts';
import type { PushMarks } from '../store/live-pushes.ts';
import { LoginStore } from '../store/login-store.ts';
import { TrasaClient } from '../trasa/client.ts';
import { serverOnly } from '../verifiers/server-only.ts';
import { TrasaServerVerifier } from '../verifiers/trasa-server.ts';
import { fail } from './server-common.ts';
import { release } from './version.ts';

/** @returns the exit status, when the proxy was told to stop */
export async function proxy(args: { readonly config?: string }): Promise<number> {
  forbidDumps(); // this process holds service keys
  const parts = {
    loadConfig: () => loadConfig(args.config, undefined, 'proxy'),
    startWorker: spawnWorker,
    release,
    processors: availableParallelism(),
    openAudit: (file: string) => openAudit({ clock, file }),
    clock,
    log: openDaemonLog(clock, undefined, 'proxy'),
  };
  return await runProxy(parts, process);
}

/** `trasa-agent proxy-worker`, which nobody starts but the proxy. @returns the exit status, when it is needed no more */
export async function proxyWorker(): Promise<number> {
  const line = lineToPrimary();
  if (line === undefined) {
    fail('trasa-agent proxy starts this by itself');
    return exitStatus.usage;
  }
  forbidDumps(); // this process holds service keys and the User CA
  // A terminal or systemd sends them to all processes; the primary says what is to be done.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  const parts = {
    authenticate,
    openServers,
    openMemory: (directory: string, livePushes: PushMarks) => new LoginStore(directory, clock, livePushes),
    openApprovals: (directory: string) => new Approvals(directory),
    openHostKeyStore: (directory: string) => new HostKeyStore(directory),
    openAudit: (file: string) => openAudit({ clock, file }),
    dial,
    clock,
    random: { below: (bound: number) => randomInt(bound) },
    log: openDaemonLog(clock, undefined, 'proxy'),
    release,
    ident: `trasa_${release}`,
  };
  await runWorker(line, parts);
  if (process.connected) process.disconnect?.();
  return 0;
}

const clock: Clock = { now: () => Date.now() };

/** One client for each service: its ID and key are its own. */
function openServers({ server }: AgentConfig): Servers {
  const host = hostname();
  const ours = new TrasaClient(server, host);
  const clients = new Map<string, TrasaClient>();
  const clientFor = ({ name, serviceID, serviceKey }: ServiceIdentity): TrasaClient => {
    const known = clients.get(name);
    if (known !== undefined) return known;
    const client = new TrasaClient({ ...server, serviceID, serviceKey }, host);
    client.refreshCapabilities(); // by the time that a code is typed, it knows whether a push can show a number
    clients.set(name, client);
    return client;
  };
  return {
    checkPassword: async (email, password, signal) => await ours.identity(email, password, signal),
    verifierFor: service => {
      if (service.listed === undefined) return serverOnly(new TrasaServerVerifier(clientFor(service)));
      ours.refreshCapabilities(); // as above
      return serverOnly(new TrasaServerVerifier(ours, service.listed.id));
    },
    catalogue: async (known, signal) => await ours.catalogue(known, signal),
    vault: async (request, signal) => await ours.vault(request, signal),
    close: () => {
      for (const client of [ours, ...clients.values()]) client.close();
    },
  };
}
