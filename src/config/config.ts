/** The configuration as the rest of the program sees it. What may be written, and its defaults: options.ts. */
import type { Secret } from '../otp/secret.ts';
import type { EntryRules } from '../policy/entry-rules.ts';
import type { IdentityRules } from '../policy/identity.ts';
import type { LoginPolicy } from '../policy/policy.ts';
import type { ThrottleLimits } from '../policy/throttle.ts';
import type { PublicKey } from '../ssh/public-key.ts';
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
  readonly proxyTrust: ProxyTrust;
}

/** Access proxies whose word on the second factor counts at this host. */
export interface ProxyTrust {
  /** Their User CAs. Empty: there is no such proxy. Read when the configuration was loaded. */
  readonly caKeys: readonly PublicKey[];
  /** A file of those that were revoked (KRL); empty: there is none. */
  readonly revokedKeys: string;
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
  /** Socket of an ssh-agent; empty: none is named. */
  readonly caAgent: string;
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
  /** 0: as many as there are processors. */
  readonly workers: number;
  /** CIDR blocks; empty: there is no balancer. */
  readonly proxyProtocolFrom: string;
  readonly maxSessions: number;
  readonly drainMs: number;
  /** Undefined: none are shown. */
  readonly metrics: ListenAddress | undefined;
  /** `SHA256:…` of a public key → TRASA ID. */
  readonly keys: ReadonlyMap<string, string>;
  readonly services: ReadonlyMap<string, ProxyService>;
  readonly entry: EntryRules;
  /** Take services, policies, keys and the vault from the server, too, which is then an embedded one. */
  readonly catalogue: boolean;
  readonly catalogueMaxAgeMs: number;
  /** Of the CA that says who people are (`POST /api/v1/my/generatekey`). */
  readonly systemCAs: readonly PublicKey[];
}

/** A host behind the proxy. */
export interface ProxyService
  extends Omit<ServiceOptions, 'serviceKey' | 'serviceKeyFile' | 'via' | 'viaAccount'>,
    ServiceIdentity {
  /** The host through which it is reached; undefined: directly. */
  readonly via: { readonly service: ProxyService; readonly account: string } | undefined;
  /** The principal of its certificate; undefined: its host. */
  readonly certifiedAs?: string | undefined;
}

/** As whom the TRASA server is asked. */
export interface ServiceIdentity {
  readonly name: string;
  readonly serviceID: string;
  readonly serviceKey: Secret;
  /** As the server's catalogue has it; undefined: it is the configuration's own. */
  readonly listed?: ListedService;
}

export interface ListedService {
  /** The server's ID of it: the proxy asks about it as itself. */
  readonly id: string;
  /** Accounts for which the server's vault has something. */
  readonly vault: readonly string[];
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
