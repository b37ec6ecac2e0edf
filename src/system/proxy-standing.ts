/**
 * How the access proxy of this host stands. What it keeps is its user's alone, and nothing there is read by root:
 * `trasa-agent proxy status` becomes that user, looks, and says it as JSON. These are the shapes of what it says.
 */
import { existsSync } from 'node:fs';
import type { DirectoryRoom } from '../host/directory-room.ts';
import { runProgram } from './run-program.ts';

/** The configuration without which trasa-proxy.service does not start. */
export const proxyConfigFile = '/etc/trasa/trasa-proxy.toml';

export function isProxyConfigured(): boolean {
  return existsSync(proxyConfigFile);
}

export interface ProxyStanding {
  /** The file of the configuration. */
  readonly source: string;
  /** What is wrong with it, as the proxy's own user reads it. */
  readonly problems: readonly Said[];
  readonly warnings: readonly Said[];
  /** Why nothing more was looked at; null: it was, if the configuration is in order. */
  readonly unseen: string | null;
  readonly sight: ProxySight | null;
}

/** Something for an administrator. Of another program, too: to be cleaned before it is shown. */
export interface Said {
  readonly text: string;
  /** `file:line`, or the file. */
  readonly place: string;
  readonly hint: string | null;
}

/** Times are milliseconds since 1970. */
export interface ProxySight {
  /** As `address:port`. */
  readonly listen: string;
  /** What would keep the proxy from starting. */
  readonly troubles: readonly Said[];
  readonly isServerVerified: boolean;
  readonly state: DirectoryRoom;
  readonly recordings: RecordingsSight;
  readonly hostCertificates: readonly HostCertificateSight[];
  readonly userCA: UserCaSight;
  /** Null: services do not come from the server. */
  readonly catalogue: CatalogueSight | null;
  readonly running: RunningSight;
  readonly services: readonly ServiceSight[];
  readonly hostKeys: readonly KeptHostKey[];
  readonly approvals: readonly WaitingApproval[];
  /** How many accounts, people and addresses are held off after wrong codes. */
  readonly heldOff: number;
  /** Files of what the proxy remembers that cannot be read, and why. */
  readonly unread: readonly string[];
  /** Null: nobody was to ask. */
  readonly greeting: Greeting | null;
}

export interface RecordingsSight {
  readonly directory: DirectoryRoom;
  /** Beyond what is left to others; negative: nothing is recorded any more. */
  readonly spareBytes: number;
  /** A service or a policy wants them: what cannot be recorded ends. */
  readonly areWanted: boolean;
  /** Of the journal's last lines; null: nothing is wrong with them. */
  readonly journalFault: string | null;
}

export interface HostCertificateSight {
  readonly path: string;
  /** Seconds since 1970. Null: it is not in order, and not shown. */
  readonly valid: { readonly after: number; readonly before: number } | null;
  /** Why it is not in order. */
  readonly trouble: string | null;
}

export interface UserCaSight {
  /** Why it cannot sign; null: as far as could be seen without signing, it can. */
  readonly trouble: string | null;
  /** Who has the private half: `passphrase`, `ssh-agent`, `token`; empty if it is not known. */
  readonly keeper: string;
  /** When it was made; null: it cannot be told. */
  readonly since: number | null;
  readonly isOld: boolean;
  /** In words, with rotations and what ends. */
  readonly lines: readonly string[];
}

export interface CatalogueSight {
  /** When the server last said that it holds; null: there is none. */
  readonly confirmedAt: number | null;
  /** For longer than it may, so that it does not count. */
  readonly isTooOld: boolean;
  /** Why the one that is kept cannot be used. */
  readonly trouble: string | null;
}

/** As the proxy itself says it, by its control socket. */
export interface RunningProxy {
  /** When its primary started. */
  readonly since: number;
  /** On which it listens. */
  readonly port: number;
  readonly release: string;
  /** Those that serve. */
  readonly workers: number;
  /** How many workers do not answer: their sessions are not counted. */
  readonly silent: number;
  readonly sessions: number;
}

export type RunningSight =
  | ({ readonly kind: 'answers' } & RunningProxy)
  | { readonly kind: 'silent'; readonly why: string };

export interface ServiceSight {
  readonly name: string;
  readonly address: string;
  /** `refuse`, `ask` or `hold`. */
  readonly firstUse: string;
  /** Something proves the host: the configuration, or a key that was taken. */
  readonly isKnown: boolean;
  /** Accounts into which nothing that is configured leads. */
  readonly accountsWithout: readonly string[];
}

export interface KeptHostKey {
  readonly service: string;
  readonly address: string;
  readonly state: string;
  readonly key: string;
  /** ISO 8601. */
  readonly since: string;
  readonly by: string;
}

export interface WaitingApproval {
  readonly id: string;
  readonly person: string;
  readonly account: string;
  readonly target: string;
  readonly askedAt: number;
}

/** What the listening address says to whoever comes. */
export interface Greeting {
  readonly address: string;
  /** The first line; null: there was none. */
  readonly line: string | null;
  /** Why not, or what is wrong with it. */
  readonly trouble: string | null;
}

export interface StandingQuestion {
  /** This program, as it is started. */
  readonly self: readonly string[];
  /** Undefined: the usual one. */
  readonly config: string | undefined;
  /** `--examine`: look at what takes a while, too; and, but for `--offline`, ask the server. */
  readonly more?: readonly string[];
}

const limits = { timeoutMs: 90_000, maxBytes: 32 * 1024 * 1024 };

/** A string says why it could not be asked. */
export async function proxyStanding<T extends ProxyStanding>(
  { self: [program = '', ...words], config, more = [] }: StandingQuestion,
  run: typeof runProgram = runProgram,
): Promise<T | string> {
  const file = config === undefined ? [] : ['--config', config];
  const ran = await run(program, [...words, 'proxy', 'status', '--json', ...file, ...more], limits);
  if (ran.kind === 'failed') return ran.why;
  try {
    const said: unknown = JSON.parse(ran.stdout);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the word of this very program
    if (typeof said === 'object' && said !== null && 'problems' in said) return said as T;
  } catch {
    // said below
  }
  return ran.stderr.trim() || 'trasa-agent proxy status says what is not understood';
}
