/** The configuration as the rest of the program sees it. What may be written, and its defaults: options.ts. */
import type { Secret } from '../otp/secret.ts';
import type { IdentityRules } from '../policy/identity.ts';
import type { LoginPolicy } from '../policy/policy.ts';
import type { ThrottleLimits } from '../policy/throttle.ts';
import type { ListenAddress, ServiceOptions } from './proxy-options.ts';

export interface AgentConfig {
  /** The file it came from. */
  readonly source: string;
  readonly server: ServerSettings;
  readonly policy: LoginPolicy;
  readonly identity: IdentityRules;
  readonly throttle: ThrottleLimits;
  readonly daemon: DaemonSettings;
  readonly login: LoginSettings;
  readonly proxy: ProxySettings;
  readonly debug: boolean;
}

/** How to reach the TRASA server, and as whom. */
export interface ServerSettings {
  /** Origins (https), in the order in which they are tried. At least one. */
  readonly urls: readonly URL[];
  readonly serviceID: string;
  readonly serviceKey: Secret;
  /** PEM certificates that replace the system's CAs; undefined: the system's. Read when the configuration was loaded. */
  readonly ca: string | undefined;
  /** SHA-256 of acceptable SubjectPublicKeyInfos, base64 (RFC 7469 §2.4, without its prefix). Empty: no pinning. */
  readonly pins: readonly string[];
  readonly insecureSkipVerify: boolean;
  /** `http://[user:password@]host:port` for CONNECT; undefined: direct. */
  readonly httpProxy: URL | undefined;
  readonly connectTimeoutMs: number;
  readonly tlsTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly pushTimeoutMs: number;
}

export interface DaemonSettings {
  readonly socket: string;
  readonly stateDirectory: string;
  /** Audit lines go to stdout, and to this file too unless it is empty. */
  readonly auditFile: string;
  /** Logins in progress at once; one more is denied. */
  readonly maxLogins: number;
  /** The whole login, in milliseconds. */
  readonly loginTimeoutMs: number;
}

export interface LoginSettings {
  readonly motd: boolean;
  readonly record: boolean;
  readonly recordDirectory: string;
  /** What `internal-sftp` becomes; empty: the first of the usual places. */
  readonly sftpServer: string;
}

export interface ProxySettings {
  readonly listen: ListenAddress;
  readonly stateDirectory: string;
  readonly auditFile: string;
  readonly caDirectory: string;
  /** Empty: none is named. */
  readonly caPassphraseFile: string;
  readonly recordDirectory: string;
  /** 0: recordings are kept for ever. */
  readonly recordingDays: number;
  readonly certificateSeconds: number;
  /** CIDR blocks; empty: the address of the proxy's end of each connection. */
  readonly sourceAddress: string;
  readonly loginTimeoutMs: number;
  readonly maxStartups: number;
  readonly maxStartupsPerAddress: number;
  /** CIDR blocks; empty: nobody. */
  readonly penaltyExempt: string;
  readonly maxSessions: number;
  /** Undefined: none are shown. */
  readonly metrics: ListenAddress | undefined;
  /** `SHA256:…` of a public key → TRASA ID. */
  readonly keys: ReadonlyMap<string, string>;
  readonly services: ReadonlyMap<string, ProxyService>;
}

/** A host behind the proxy. */
export interface ProxyService extends Omit<ServiceOptions, 'serviceKey' | 'serviceKeyFile'> {
  readonly name: string;
  readonly serviceKey: Secret;
}

/** Something wrong, or (as a warning) something to mend, said for an administrator. */
export interface Problem {
  readonly file: string;
  readonly line?: number;
  readonly text: string;
  readonly hint?: string;
}

export type LoadedConfig =
  | { readonly kind: 'loaded'; readonly config: AgentConfig; readonly warnings: readonly Problem[] }
  | { readonly kind: 'broken'; readonly problems: readonly Problem[] };
