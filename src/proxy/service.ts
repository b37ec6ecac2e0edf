/** What the proxy is made of. Everything that touches the host is handed in. */
import type { AuditNotes } from '../audit/audit-log.ts';
import type { DaemonLog } from '../audit/daemon-log.ts';
import type { AuditLog, Clock, LoginMemory, Random } from '../auth/ports.ts';
import type { Verifier } from '../auth/verifier.ts';
import type { AgentConfig, LoadedConfig, ProxyService } from '../config/config.ts';
import type { Secret } from '../otp/secret.ts';
import type { PushMarks } from '../store/live-pushes.ts';
import type { PasswordOutcome } from '../trasa/password.ts';
import type { WorkerProcess } from './crew/messages.ts';
import type { LoginPorts } from './downstream/login.ts';
import type { UpstreamPorts } from './upstream/enter.ts';

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

/** The TRASA server, as itself and as what it knows of each service. */
export interface Servers {
  checkPassword(email: string, password: Secret, signal: AbortSignal): Promise<PasswordOutcome>;
  verifierFor(service: ProxyService): Verifier;
  close(): void;
}
