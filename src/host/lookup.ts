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
export type LookUp = (name: string, groups: boolean, asker?: Asker) => Promise<UserLookup>;

/** Who may ask for any name, and must not keep the others from asking. */
export interface Asker {
  readonly uid: number;
  /** Aborts when the answer is not wanted any more. */
  readonly gone: AbortSignal;
}

export interface LookupLimits {
  /** Longest wait for an answer, the wait for a turn included. */
  readonly deadlineMs: number;
  /** Look-ups under way at once, each on a thread. One that hangs keeps its place until it comes back. */
  readonly atOnce: number;
  /** Of them for each asker's uid. */
  readonly atOnceForOne: number;
}

const usualLimits: LookupLimits = { deadlineMs: 5_000, atOnce: 8, atOnceForOne: 2 };

/** LOGIN_NAME_MAX is 256 with the NUL; nobody has a longer name. */
const maxNameBytes = 255;

/** Look-ups that end: a directory service that hangs is unavailable, and takes no more than its share of threads. */
export function createLookup(limits: LookupLimits = usualLimits, ask = askHost): LookUp {
  const underWay: Look[] = [];
  const waiting: Look[] = [];

  const isFree = ({ uid }: Look): boolean =>
    underWay.length < limits.atOnce &&
    (uid === undefined || underWay.filter(look => look.uid === uid).length < limits.atOnceForOne);
  const begin = (look: Look): void => {
    underWay.push(look);
    void look.begin().finally(() => {
      remove(underWay, look);
      const next = waiting.find(isFree);
      if (next === undefined) return;
      remove(waiting, next);
      begin(next);
    });
  };

  return async (name, groups, asker) => {
    if (!isPossible(name)) return { kind: 'unknown' };
    const { promise, resolve, reject } = Promise.withResolvers<UserLookup>();
    const look: Look = { uid: asker?.uid, begin: async () => await ask(name, groups).then(resolve, reject) };
    const giveUp = (detail: string): void => {
      remove(waiting, look);
      resolve({ kind: 'unavailable', detail });
    };
    const timer = setTimeout(() => giveUp(`no answer within ${limits.deadlineMs} ms`), limits.deadlineMs);
    const onGone = (): void => giveUp('nobody waits for the answer');
    asker?.gone.addEventListener('abort', onGone, { once: true });
    if (asker?.gone.aborted === true) onGone();
    else if (isFree(look)) begin(look);
    else waiting.push(look);
    return await promise.finally(() => {
      clearTimeout(timer);
      asker?.gone.removeEventListener('abort', onGone);
    });
  };
}

interface Look {
  readonly uid: number | undefined;
  begin(): Promise<void>;
}

function remove(looks: Look[], look: Look): void {
  const index = looks.indexOf(look);
  if (index !== -1) looks.splice(index, 1);
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
