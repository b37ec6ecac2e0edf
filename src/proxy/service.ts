/** What the proxy is made of. Everything that touches the host is handed in. */
import type { AuditNotes } from '../audit/audit-log.ts';
import type { DaemonLog } from '../audit/daemon-log.ts';
import type { AuditLog, Clock, LoginMemory, Random } from '../auth/ports.ts';
import type { Verifier } from '../auth/verifier.ts';
import type { AgentConfig, LoadedConfig, ServiceIdentity } from '../config/config.ts';
import type { Secret } from '../otp/secret.ts';
import type { Approvals } from '../store/approvals.ts';
import type { HostKeyStore } from '../store/host-keys.ts';
import type { PushMarks } from '../store/live-pushes.ts';
import type { CatalogueReply, VaultReply } from '../trasa/catalogue-reply.ts';
import type { PasswordOutcome } from '../trasa/password.ts';
import type { VaultRequest } from '../trasa/requests.ts';
import type { WorkerProcess } from './crew/messages.ts';
import type { LoginPorts } from './downstream/login.ts';
import type { UpstreamPorts } from './upstream/enter.ts';
import type { HostProofPorts } from './upstream/host-proof.ts';

/** Of the process that listens. */
export interface PrimaryParts {
  readonly loadConfig: () => LoadedConfig;
  readonly startWorker: () => WorkerProcess;
  /** Of this program: workers of another are none of ours. */
  readonly release: string;
  /** As many workers as there are processors, if the configuration does not say. */
  readonly processors: number;
  readonly openAudit: (file: string) => AuditNotes & { close(): void };
  readonly clock: Clock;
  readonly log: DaemonLog;
  /** How often is looked whether each worker is well. */
  readonly lookMs?: number;
}

/** Of a worker: all that is done for people. */
export interface ProxyParts {
  readonly authenticate: LoginPorts<unknown>['authenticate'];
  readonly openServers: (config: AgentConfig) => Servers;
  readonly openMemory: (
    stateDirectory: string,
    livePushes: PushMarks,
  ) => LoginMemory & { check(): void; close(): void };
  readonly openApprovals: (stateDirectory: string) => Approvals;
  /** Throws if it cannot be opened. */
  readonly openHostKeyStore: (stateDirectory: string) => OpenKeyStore;
  readonly openAudit: (file: string) => AuditLog & AuditNotes & { close(): void };
  readonly dial: UpstreamPorts['dial'];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: DaemonLog;
  readonly release: string;
  /** What we call ourselves to clients: `SSH-2.0-…`. */
  readonly ident: string;
  /** For the header of a balancer. */
  readonly headerMs?: number;
}

export type OpenKeyStore = HostProofPorts['hostKeys'] & Pick<HostKeyStore, 'close'>;

/** The TRASA server, as itself and as what it knows of each service. */
export interface Servers {
  checkPassword(email: string, password: Secret, signal: AbortSignal): Promise<PasswordOutcome>;
  verifierFor(service: ServiceIdentity): Verifier;
  /** What the server's catalogue has. @param known the revision that we have */
  catalogue(known: string, signal: AbortSignal): Promise<CatalogueReply>;
  /** What opens an account of a service that is in it, for one login. */
  vault(request: VaultRequest, signal: AbortSignal): Promise<VaultReply>;
  close(): void;
}
