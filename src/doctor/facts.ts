/** What the doctor has looked at. gather/ fills it in, checks/ read it; nothing else passes between them. */
import type { LoadedConfig } from '../config/config.ts';
import type { DirectoryRoom } from '../host/directory-room.ts';
import type { UnsafeFile } from '../host/unsafe-file.ts';
import type { Certificate } from '../ssh/certificate.ts';
import type { PamService } from '../system/pam-stack.ts';
import type { Asked, Connection, SshdSettings, SshdVersion } from '../system/sshd-settings.ts';
import type { ServerSight } from '../trasa/sight.ts';

export interface Facts {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly config: LoadedConfig;
  readonly accounts: readonly AccountFacts[];
  readonly sshd: SshdFacts;
  /** Of the services that have files. */
  readonly services: readonly PamService[];
  readonly files: readonly FileFacts[];
  readonly hostCertificates: readonly HostCertificateFacts[];
  /** What is prepared for the days without a server. */
  readonly offline: readonly OfflineFacts[];
  /** What internal-sftp becomes; undefined: there is none. */
  readonly sftpServer: string | undefined;
  /** Programs and modules that sshd or PAM is to run, and that are not there, by where they are named. */
  readonly missing: readonly { readonly path: string; readonly namedAt: string }[];
  readonly daemon: DaemonFacts;
  /** One for each server of the configuration; none if they were not to be asked. */
  readonly servers: readonly ServerSight[];
  readonly state: readonly DirectoryRoom[];
  /** Lines of the kernel's and the audit daemon's log. */
  readonly denials: readonly string[];
  /** Of this program, as in package.json. */
  readonly version: string;
  readonly packages: readonly PackageFacts[];
  /** What was not looked at, for there was too much of it. */
  readonly unseen: readonly string[];
}

export interface AccountFacts {
  readonly name: string;
  /** Undefined: the configuration or the command line names it, but it does not exist. */
  readonly user: { readonly uid: number; readonly shell: string } | undefined;
  /** Undefined: they cannot be looked up. */
  readonly groups: readonly string[] | undefined;
}

export type SshdFacts =
  | { readonly kind: 'refused'; readonly why: string }
  | {
      readonly kind: 'present';
      readonly version: SshdVersion | undefined;
      readonly probes: readonly Probe[];
      /** `file:line` of each line that sets this, in any Match block or none. */
      readonly placesOf: (setting: string) => readonly string[];
    };

/** One connection that sshd was asked about. */
export interface Probe {
  readonly account: AccountFacts;
  readonly connection: Connection;
  /** What is special about the connection, such as `from 10.0.0.1 (FILE:LINE of the Match)`; empty if nothing is. */
  readonly origin: string;
  readonly settings: Asked<SshdSettings>;
}

export interface FileFacts {
  readonly path: string;
  readonly problem: UnsafeFile | undefined;
}

export interface HostCertificateFacts {
  readonly path: string;
  /** Undefined: it cannot be read, or is none of a host. */
  readonly valid: Pick<Certificate, 'validAfter' | 'validBefore'> | undefined;
}

export interface OfflineFacts {
  readonly account: string;
  /** `offline-totp` or `recovery-code`. */
  readonly factor: string;
  readonly expiresMs: number;
  /** Recovery codes; undefined: it is none. */
  readonly left: number | undefined;
  /** Of a code that an app shows. */
  readonly digits: number | undefined;
}

export interface DaemonFacts {
  readonly socket: string;
  /** Undefined: it answers. */
  readonly silence: string | undefined;
  /** Process ids of daemons whose program has been replaced since. */
  readonly outdated: readonly number[];
}

/** A Debian package of ours. */
export interface PackageFacts {
  readonly name: string;
  readonly version: string;
}
