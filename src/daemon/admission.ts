/**
 * How many may be served at once. Logins in progress are bounded in all, and for each uid but root to a quarter of
 * that, so that one user cannot keep the others out; root is PAM, which asks for everybody. Recorded sessions are
 * counted apart: they last for hours and wait for nothing.
 */
export class Admission {
  readonly #logins = new Places();
  readonly #recordings = new Places();

  /** @returns gives the place back; undefined if there is none */
  enterLogin(uid: number, maxLogins: number): (() => void) | undefined {
    return this.#logins.take(uid, maxLogins, quarter(maxLogins));
  }

  enterRecording(uid: number): (() => void) | undefined {
    return this.#recordings.take(uid, maxRecordings, quarter(maxRecordings));
  }

  get logins(): number {
    return this.#logins.taken;
  }
}

/** Each holds two descriptors. */
const maxRecordings = 1_000;

function quarter(all: number): number {
  return Math.ceil(all / 4);
}

class Places {
  readonly #byUid = new Map<number, number>();
  taken = 0;

  take(uid: number, max: number, maxForOne: number): (() => void) | undefined {
    const mine = this.#byUid.get(uid) ?? 0;
    if (this.taken >= max || (uid !== 0 && mine >= maxForOne)) return undefined;
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
