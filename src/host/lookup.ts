import { native } from './native.ts';

/** passwd(5), without what nobody needs here. */
export interface UserRecord {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** As it stands there; empty means /bin/sh. */
  readonly shell: string;
}

export type UserLookup =
  | { readonly kind: 'found'; readonly user: UserRecord; readonly groups: readonly string[]; readonly why: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unavailable'; readonly detail: string };

/**
 * `groups`: names of the primary and all supplementary groups, if wanted; if `why` is not empty it says why they are
 * not complete, and they are good for nothing. Never throws for what the host does.
 */
export type LookUp = (name: string, groups: boolean) => Promise<UserLookup>;

export interface LookupLimits {
  /** Longest wait for an answer, the wait for a turn included. */
  readonly deadlineMs: number;
  /** Look-ups under way at once, each on a thread. One that hangs keeps its place until it comes back. */
  readonly atOnce: number;
}

const usualLimits: LookupLimits = { deadlineMs: 5_000, atOnce: 8 };

/** LOGIN_NAME_MAX is 256 with the NUL; nobody has a longer name. */
const maxNameBytes = 255;

/** Look-ups that end: a directory service that hangs is unavailable, and takes no more than its share of threads. */
export function createLookup(limits: LookupLimits = usualLimits, ask = askHost): LookUp {
  const waiting = new Set<() => void>();
  let underWay = 0;

  const askInTurn = async (name: string, groups: boolean): Promise<UserLookup> => {
    underWay++;
    try {
      return await ask(name, groups);
    } finally {
      underWay--;
      const [next] = waiting;
      next?.();
    }
  };

  return async (name, groups) => {
    if (!isPossible(name)) return { kind: 'unknown' };
    return await new Promise((resolve, reject) => {
      const begin = (): void => {
        waiting.delete(begin);
        askInTurn(name, groups)
          .then(resolve, reject)
          .finally(() => clearTimeout(timer));
      };
      const timer = setTimeout(() => {
        waiting.delete(begin);
        resolve({ kind: 'unavailable', detail: `no answer within ${limits.deadlineMs} ms` });
      }, limits.deadlineMs);
      if (underWay < limits.atOnce) begin();
      else waiting.add(begin);
    });
  };
}

/** A name that can stand in passwd(5). What cannot is not even asked: modules of NSS are other people's C. */
function isPossible(name: string): boolean {
  return name.isWellFormed() && !/[\p{Cc}:]/u.test(name) && name !== '' && Buffer.byteLength(name) <= maxNameBytes;
}

async function askHost(name: string, groups: boolean): Promise<UserLookup> {
  const [kind, ...fields] = (await native().lookUpAccount(name, groups)).split('\0').slice(0, -1);
  if (kind === 'unknown') return { kind };
  const [found = '', uid, gid, home = '', shell = '', ...names] = fields;
  if (kind !== 'found') return { kind: 'unavailable', detail: fields[0] ?? 'no memory' };
  const why = names.pop() ?? '';
  return { kind, user: { name: found, uid: Number(uid), gid: Number(gid), home, shell }, groups: names, why };
}
