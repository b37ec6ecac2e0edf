import { randomBytes } from 'node:crypto';

/** A person who gave the right password and still owes the second factor. */
export interface PendingLogin {
  readonly person: string;
  /** What the login is for, as it was said with the password. */
  readonly intent: string;
}

/** TRASA's: a token lives 400 s. */
const lifeMs = 400_000;
/** More at once push out the oldest. */
const maxPending = 10_000;
/** Wrong second factors that a token survives. */
const maxTries = 5;

/** Tokens between `/auth/identity` and `/auth/tfa`. In memory: after a restart people give their password again. */
export class PendingLogins {
  readonly #pending = new Map<string, PendingLogin & { readonly until: number; tries: number }>();

  /** @returns the token, 256 random bits */
  open(login: PendingLogin, now: number): string {
    for (const [token, { until }] of this.#pending) {
      if (until > now && this.#pending.size < maxPending) break; // oldest first
      this.#pending.delete(token);
    }
    const token = randomBytes(32).toString('hex');
    this.#pending.set(token, { ...login, until: now + lifeMs, tries: 0 });
    return token;
  }

  /** The login of a token, for one try of the few that it has. */
  take(token: string, now: number): PendingLogin | undefined {
    const login = this.#pending.get(token);
    if (login === undefined || login.until <= now || login.tries >= maxTries) return undefined;
    login.tries += 1;
    return login;
  }

  /** The login is complete: the token opens nothing more. False if it was completed meanwhile. */
  close(token: string): boolean {
    return this.#pending.delete(token);
  }
}
