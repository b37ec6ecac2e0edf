/**
 * What one person may do on one service behind the proxy: the answer of policy, and all that the relay asks later. What is
 * not granted here does not pass.
 */
export interface Grant {
  /** The name of the rule that granted it, for the audit log. */
  readonly rule: string;
  readonly secondFactor: 'required' | 'not-required';
  /** An administrator has to approve the entry, and that counts for so long; 0: nobody has to. */
  readonly approvalMs: number;
  /** What cannot be recorded does not pass, and what could not be recorded ends the session. */
  readonly record: boolean;
  readonly shell: boolean;
  /** Commands that may be run, as commands.ts matches them; undefined: any. */
  readonly commands: readonly string[] | undefined;
  /** By sftp, scp and rsync alike. */
  readonly fileTransfer: boolean;
  readonly forwarding: Forwarding;
  /** No byte either way for this long ends the session; 0: never. */
  readonly idleMs: number;
  /** The session ends after this long; 0: never. */
  readonly sessionMs: number;
}

export interface Forwarding {
  /** Where direct-tcpip may lead from the host: `host:port`, patterns as in sshd_config(5) PermitOpen. Empty: nowhere. */
  readonly local: readonly string[];
  /** What the host may be asked to listen on, as in PermitListen: `host:port` or `port`. Empty: nothing. */
  readonly remote: readonly string[];
  /** Unix sockets, both ways. */
  readonly streamlocal: boolean;
  readonly agent: boolean;
  readonly x11: boolean;
  /** The service may be reached by `ssh -J`, keys from end to end, with nothing seen in between. */
  readonly jump: boolean;
}

const noForwarding: Forwarding = {
  local: [],
  remote: [],
  streamlocal: false,
  agent: false,
  x11: false,
  jump: false,
};

/** Where no rule says otherwise. */
export function usualGrant(record: boolean): Grant {
  return {
    rule: 'usual',
    secondFactor: 'required',
    approvalMs: 0,
    record,
    shell: true,
    commands: undefined,
    fileTransfer: true,
    forwarding: noForwarding,
    idleMs: 0,
    sessionMs: 0,
  };
}
