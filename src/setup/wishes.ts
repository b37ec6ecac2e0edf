/** What the administrator wants, once every question is answered. */
import type { Secret } from '../otp/secret.ts';

export const doors = ['pam', 'pam-exec', 'force-command'] as const;
export type SetupDoor = (typeof doors)[number];

/**
 * What sshd asks for before us, and so what we ask for: `key`: a key, then a code or Enter for push; `password`: a
 * password, then the same, or a key and a push; `any`: what sshd asks for today, then a push without a question.
 */
export const firstFactors = ['key', 'password', 'any'] as const;
export type FirstFactor = (typeof firstFactors)[number];

export interface Wishes {
  readonly door: SetupDoor;
  /** Of the PAM doors. */
  readonly firstFactor: FirstFactor;
  /** What trasa-agent.toml shall say; undefined: the one that is there is kept. */
  readonly configuration: NewConfiguration | undefined;
  readonly revertAfterMs: number;
}

export interface NewConfiguration {
  readonly urls: readonly string[];
  readonly serviceID: string;
  readonly serviceKey: Secret;
  readonly caFile: string | undefined;
  readonly pins: readonly string[];
  /** Who needs a second factor; if both are empty, everybody. */
  readonly users: readonly string[];
  readonly groups: readonly string[];
  readonly domain: string | undefined;
  /** Account → TRASA ID. */
  readonly people: ReadonlyMap<string, string>;
  readonly observe: boolean;
}

/** Whom the second factor is meant for. */
export interface Scope {
  readonly users: readonly string[];
  readonly groups: readonly string[];
}

export function isEverybody({ users, groups }: Scope): boolean {
  return users.length + groups.length === 0;
}
