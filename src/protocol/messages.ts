/**
 * What a door and the daemon say to each other (PROTOCOL.md, part 1), as types. codec.ts turns them into lines and
 * back; states.ts says which message is allowed when.
 *
 * A door sends one `attempt` and then answers what it is asked; the daemon asks, tells, and ends with one `decision`.
 */
export const protocolVersion = '1';

/**
 * Longest values, in bytes of UTF-8, chosen so that the longest message still is a line when every byte of it is
 * percent-encoded. A text, an answer and `command` are cut by their sender; any other fact that is too long is refused.
 * (`authinfo` is longer; its sender leaves it out where the line would be too long.)
 */
export const maxFact = 1024;
export const maxText = 1024;
export const maxAnswer = 512;
/** One asciicast line in a `record` message. */
export const maxRecordChunk = 2048;

/** Facts of an attempt, as the door states them; the daemon decides which of them it believes. */
export interface AttemptMessage {
  readonly kind: 'attempt';
  readonly version: string;
  readonly door: string;
  readonly service: string;
  readonly account: string;
  readonly rhost?: string;
  readonly tty?: string;
  readonly command?: string;
  readonly key?: string;
  /** Which first factor was proved before; `none` if none was. Absent under ForceCommand: sshd saw to it. */
  readonly first?: string;
  /** PAM: has a line above asked for a password, right or wrong? If absent, no. */
  readonly authtok?: boolean;
  /** PAM: `auth` (if absent) or `account`. */
  readonly phase?: string;
  /** PAM: who asks, on this host. */
  readonly ruser?: string;
  /** PAM under sshd: SSH_CONNECTION and SSH_AUTH_INFO_0 as they are. */
  readonly connection?: string;
  readonly authinfo?: string;
  /** `trasa`: ask in the words of the original module. */
  readonly style?: string;
  /** May questions be asked? */
  readonly interactive: boolean;
  /** Can a question be taken back? If absent, yes; a PAM conversation cannot. */
  readonly withdraw?: boolean;
  /** Is there one answer only? If absent, no; pam_exec has no more. */
  readonly once?: boolean;
}

export type DoorMessage =
  | AttemptMessage
  | { readonly kind: 'answer'; readonly id: number; readonly text: string }
  | { readonly kind: 'unable'; readonly id: number }
  | { readonly kind: 'cancel' }
  /** One line of asciicast v2: the header first, then events. */
  | { readonly kind: 'record'; readonly line: string };

export type DaemonMessage =
  | { readonly kind: 'info'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'prompt'; readonly id: number; readonly echo: boolean; readonly text: string }
  | { readonly kind: 'withdraw'; readonly id: number }
  | DecisionMessage
  /** The oldest line not yet acknowledged is in the recording; the user cannot take it out again. */
  | { readonly kind: 'recorded' };

export interface DecisionMessage {
  readonly kind: 'decision';
  readonly verdict: 'allow' | 'bypass' | 'deny';
  /** Factor, rule or reason, as in the log. */
  readonly reason: string;
  /** The attempt id, for the person to quote. */
  readonly id: string;
  /** What to tell the person; empty if nothing. */
  readonly text: string;
  /** Exit status of a door that is a program; 0 unless denied. */
  readonly exit: number;
  /** What a PAM module returns, by its name in pam(3): `PAM_SUCCESS` unless denied. */
  readonly pam: string;
  /** Settings for the session that follows (door `login`). */
  readonly motd: boolean;
  readonly record: boolean;
  /** Path of the sftp-server that `internal-sftp` becomes; empty: look in the usual places. */
  readonly sftp: string;
}
