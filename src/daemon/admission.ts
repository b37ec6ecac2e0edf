/**
 * How many may be served at once, in three stages that are counted apart, so that none takes the others' room.
 *
 * A connection is a *caller* until it has sent an attempt that it may make: silence and nonsense cost nobody a login,
 * and when there are too many, the oldest is dropped. Then it is a *login* in progress: bounded in all, a quarter kept
 * for root alone, and a quarter at most for each other uid; root is PAM, which asks for everybody. *Recordings* last
 * for hours.
 */
export class Admission {
  readonly #callers: Caller[] = [];
  readonly #logins = new Places();
  readonly #recordings = new Places();

  /**
   * There is always room for one more: for a uid with more than its share instead of its own oldest caller, otherwise
   * instead of the oldest that is not root's.
   *
   * @param drop called if this caller has to make room; at most once, and not after it has left
   * @returns leaves
   */
  enterCaller(uid: number, drop: () => void): () => void {
    const mine = this.#callers.filter(caller => caller.uid === uid);
    if (uid !== 0 && mine.length >= quarter(maxCallers)) this.#leave(mine[0])?.drop();
    else if (this.#callers.length >= maxCallers)
      this.#leave(this.#callers.find(caller => caller.uid !== 0) ?? this.#callers[0])?.drop();
    const caller = { uid, drop };
    this.#callers.push(caller);
    return () => void this.#leave(caller);
  }

  /** @returns gives the place back; undefined if there is none */
  enterLogin(uid: number, maxLogins: number): (() => void) | undefined {
    const notForRoot = maxLogins - Math.floor(maxLogins / 4);
    return this.#logins.take(uid, { all: maxLogins, butRoot: notForRoot, each: quarter(maxLogins) });
  }

  enterRecording(uid: number): (() => void) | undefined {
    return this.#recordings.take(uid, maxRecordings);
  }

  get callers(): number {
    return this.#callers.length;
  }

  get logins(): number {
    return this.#logins.taken;
  }

  #leave(caller: Caller | undefined): Caller | undefined {
    const index = caller === undefined ? -1 : this.#callers.indexOf(caller);
    return index === -1 ? undefined : this.#callers.splice(index, 1)[0];
  }
}

interface Caller {
  readonly uid: number;
  readonly drop: () => void;
}

const maxCallers = 256;

/** Each holds two descriptors. */
const maxRecordings = { all: 1_000, butRoot: 1_000, each: 20 };

function quarter(all: number): number {
  return Math.ceil(all / 4);
}

interface Bounds {
  readonly all: number;
  /** For all that are not root, together. */
  readonly butRoot: number;
  /** For each uid that is not root. */
  readonly each: number;
}

class Places {
  readonly #byUid = new Map<number, number>();
  taken = 0;

  take(uid: number, max: Bounds): (() => void) | undefined {
    const mine = this.#byUid.get(uid) ?? 0;
    const others = this.taken - (this.#byUid.get(0) ?? 0);
    if (this.taken >= max.all || (uid !== 0 && (others >= max.butRoot || mine >= max.each))) return undefined;
    this.#count(uid, 1);
    let held = true;
    return () => {
      if (held) this.#count(uid, -1);
      held = false;
    };
  }

  #count(uid: number, change: 1 | -1): void {
    this.taken += change;
    const mine = (this.#byUid.get(uid) ?? 0) + change;
    if (mine === 0) this.#byUid.delete(uid);
    else this.#byUid.set(uid, mine);
  }
}
