/** The PAM items (pam_get_item(3)) and what sshd adds, as pam_exec(8) hands them to its command. Pure. */
export interface PamItems {
  /** pam_exec's word for the phase: `auth`, `account`, `password`, `open_session` or `close_session`. */
  readonly type: string;
  readonly service: string;
  readonly user: string;
  readonly tty: string | undefined;
  readonly rhost: string | undefined;
  readonly ruser: string | undefined;
  /** SSH_CONNECTION, from sshd's PAM environment (auth-pam.c). */
  readonly connection: string | undefined;
  /** SSH_AUTH_INFO_0, likewise: the methods already passed, one a line. */
  readonly authInfo: string | undefined;
}

/**
 * pam_exec appends its own entries, PAM_SERVICE first and PAM_TYPE last, to the PAM environment; those that are not set
 * are left out. So an entry PAM_RUSER before the last PAM_SERVICE is not pam_exec's, but some module's, or a user's by
 * way of pam_env(8); getenv(3) would return it.
 *
 * @param environment `NAME=value` and a NUL, repeated; one character per byte
 * @returns undefined if this is not the environment of a pam_exec
 */
export function readItems(environment: string): PamItems | undefined {
  const entries = environment.split('\0');
  const own = entries.findLastIndex(entry => entry.startsWith('PAM_SERVICE='));
  if (own === -1) return undefined;
  const item = (name: string): string | undefined => valueOf(entries.slice(own), name);
  const variable = (name: string): string | undefined => valueOf(entries.slice(0, own), name);

  const [type, service, user] = [item('PAM_TYPE'), item('PAM_SERVICE'), item('PAM_USER')];
  if (type === undefined || service === undefined || user === undefined) return undefined;
  return {
    type,
    service,
    user,
    tty: item('PAM_TTY'),
    rhost: item('PAM_RHOST'),
    ruser: item('PAM_RUSER'),
    connection: variable('SSH_CONNECTION'),
    authInfo: variable('SSH_AUTH_INFO_0'),
  };
}

/** The last one counts. What is empty is not there: some services set an empty PAM_RHOST. */
function valueOf(entries: readonly string[], name: string): string | undefined {
  const entry = entries.findLast(one => one.startsWith(`${name}=`)) ?? '';
  const value = Buffer.from(entry.slice(name.length + 1), 'latin1').toString('utf8');
  return value === '' ? undefined : value;
}
