import { jumpName } from '../../config/proxy-options.ts';

/**
 * Who wants to go where, from the user name that ssh sends: `alice@web1`, `alice:web1` or `alice+web1`; `alice` alone
 * leaves the service to be asked for. `jump` stands where a service would for whoever goes on by themselves (`ssh -J`), and
 * may stand alone.
 *
 * One strict grammar: an account never holds a separator, so there is one way to read a name or none.
 */
export interface Target {
  readonly account: string;
  /** Undefined: not named. */
  readonly service: string | undefined;
}

export function parseTarget(user: string): Target | undefined {
  if (user === jumpName) return { account: jumpName, service: jumpName };
  const [, account, service] =
    /^([A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\$?)(?:[@:+]([A-Za-z0-9][A-Za-z0-9._-]{0,62}))?$/.exec(user) ?? [];
  return account === undefined ? undefined : { account, service };
}
