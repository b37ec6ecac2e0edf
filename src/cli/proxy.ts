/** `trasa-agent proxy`: puts the proxy together from its real parts and runs it. */
import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { openAudit } from '../audit/audit-log.ts';
import { openDaemonLog } from '../audit/daemon-log.ts';
import { authenticate } from '../auth/authenticate.ts';
import type { Clock } from '../auth/ports.ts';
import type { AgentConfig, ProxyService } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { forbidDumps } from '../host/no-dumps.ts';
import { runProxy } from '../proxy/run.ts';
import type { Servers } from '../proxy/service.ts';
import { dial } from '../proxy/upstream/dial.ts';
import { Approvals } from '../store/approvals.ts';
import { LoginStore } from '../store/login-store.ts';
import { TrasaClient } from '../trasa/client.ts';
import { serverOnly } from '../verifiers/server-only.ts';
import { TrasaServerVerifier } from '../verifiers/trasa-server.ts';
import { release } from './version.ts';

/** @returns the exit status, when the proxy was told to stop */
export async function proxy(args: { readonly config?: string }): Promise<number> {
  forbidDumps(); // this process holds service keys and the User CA
  const clock: Clock = { now: () => Date.now() };
  const parts = {
    authenticate,
    loadConfig: () => loadConfig(args.config, undefined, 'proxy'),
    openServers,
    openMemory: (directory: string) => new LoginStore(directory, clock),
    openApprovals: (directory: string) => new Approvals(directory),
    openAudit: (file: string) => openAudit({ clock, file }),
    dial,
    clock,
    random: { below: (bound: number) => randomInt(bound) },
    log: openDaemonLog(clock, undefined, 'proxy'),
    ident: `trasa_${release}`,
  };
  return await runProxy(parts, process);
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
