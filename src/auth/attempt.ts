/** How the person came in; see ARCHITECTURE.md for what each door can and cannot hold. */
export type Door = 'login' | 'pam' | 'pam-exec' | 'proxy';

/**
 * The facts of one login, made once at the edge and never changed.
 *
 * Who vouches for what: `account` is authorised by the daemon against the kernel's word; under PAM (root asks) the rest
 * comes from sshd, and `vouched` says so. Under ForceCommand `clientAddress`, `tty`, `command` and `keyFingerprint` are
 * the word of a process that runs as the account itself: good against somebody who merely stole a key, not against the
 * account; nothing that is kept about others may hang on them.
 */
export interface LoginAttempt {
  /** Quoted to the person and in every log line: 26 characters, ULID, so that it sorts by time. */
  readonly id: string;
  readonly door: Door;
  /** Uid of the process that asks: the kernel's word. */
  readonly askedBy: number;
  readonly vouched: boolean;
  /** The PAM service, or `sshd` under ForceCommand. */
  readonly service: string;
  /** The Unix user to be entered ("privilege" in TRASA's API). */
  readonly account: string;
  /** Numeric address of the person's client; absent where there is none or it is not known. */
  readonly clientAddress?: string;
  readonly tty?: string;
  /** What will run instead of a login shell; cleaned and bounded, to be shown and logged. */
  readonly command?: string;
  /** `SHA256:…` of the public key that sshd verified in this login. */
  readonly keyFingerprint?: string;
  /** Has a first factor been proved already? No push is ever sent before one. */
  readonly firstFactorProved: boolean;
  /**
   * Is this all that stands between somebody elsewhere and the account? No first factor is proved, and nobody has asked
   * for one as far as can be seen: `keyboard-interactive` by our module alone. Nothing may then stand in for the factor.
   */
  readonly standsAlone: boolean;
  /** At the proxy: who it is, by the first factor, and where they go. What is kept about a login then hangs on these. */
  readonly through?: Passage;
  /** Asks in the words of the original's module, which people and their scripts know. */
  readonly inWordsOfTrasa?: boolean;
}

export interface Passage {
  /** TRASA ID of the person, proved by the first factor. */
  readonly person: string;
  /** Name of the service in the proxy's configuration. */
  readonly target: string;
  /** Name of the proxy's policy that asks for no second factor; undefined: none does. */
  readonly exemptBy?: string;
}
