/** `trasa-agent proxy-worker`: one of the processes that `trasa-agent proxy` starts and hands its connections to. */
import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { openAudit } from '../audit/audit-log.ts';
import { openDaemonLog } from '../audit/daemon-log.ts';
import { authenticate } from '../auth/authenticate.ts';
import type { Clock } from '../auth/ports.ts';
import type { AgentConfig, ProxyService } from '../config/config.ts';
import { forbidDumps } from '../host/no-dumps.ts';
import { exitStatus } from '../policy/refusals.ts';
import { lineToPrimary } from '../proxy/crew/spawn.ts';
import { runWorker } from '../proxy/crew/worker.ts';
import type { Servers } from '../proxy/service.ts';
import { dial } from '../proxy/upstream/dial.ts';
import type { PushMarks } from '../store/live-pushes.ts';
import { LoginStore } from '../store/login-store.ts';
import { TrasaClient } from '../trasa/client.ts';
import { serverOnly } from '../verifiers/server-only.ts';
import { TrasaServerVerifier } from '../verifiers/trasa-server.ts';
import { fail } from './server-common.ts';
import { release } from './version.ts';

/** @returns the exit status, when the primary needs it no more */
export async function proxyWorker(): Promise<number> {
  const line = lineToPrimary();
  if (line === undefined) {
    fail('trasa-agent proxy starts this by itself');
    return exitStatus.usage;
  }
  forbidDumps(); // this process holds service keys and the User CA
  // From a terminal or systemd they come to all processes; the primary says what is to be done.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  const clock: Clock = { now: () => Date.now() };
  await runWorker(line, {
    authenticate,
    openServers,
    openMemory: (directory: string, livePushes: PushMarks) => new LoginStore(directory, clock, livePushes),
    openAudit: (file: string) => openAudit({ clock, file }),
    dial,
    clock,
    random: { below: (bound: number) => randomInt(bound) },
    log: openDaemonLog(clock, undefined, 'proxy'),
    ident: `trasa_${release}`,
  });
  if (process.connected) process.disconnect?.();
  return 0;
}

/** One client for each service: its ID and key are its own. */
function openServers({ server }: AgentConfig): Servers {
  const host = hostname();
  const ours = new TrasaClient(server, host);
  const clients = new Map<string, TrasaClient>();
  const clientFor = ({ name, serviceID, serviceKey }: ProxyService): TrasaClient => {
    const known = clients.get(name);
    if (known !== undefined) return known;
    const client = new TrasaClient({ ...server, serviceID, serviceKey }, host);
    client.refreshCapabilities(); // by the time that a code is typed, it knows whether a push can show a number
    clients.set(name, client);
    return client;
  };
  return {
    checkPassword: async (email, password, signal) => await ours.identity(email, password, signal),
    verifierFor: service => serverOnly(new TrasaServerVerifier(clientFor(service))),
    close: () => {
      for (const client of [ours, ...clients.values()]) client.close();
    },
  };
}
