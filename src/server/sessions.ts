import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

export interface Session {
  readonly person: string;
  /** The one that proved the second factor. */
  readonly device: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** TRASA's: 15 minutes. */
const lifeMs = 900_000;
const maxSessions = 10_000;

/** Dashboard sessions: a cookie, and a token that a foreign page cannot read. In memory, by the cookie's hash. */
export class Sessions {
  readonly #sessions = new Map<string, Session & { readonly csrf: Buffer }>();

  open(person: string, device: string, now: number): { cookie: string; csrf: string } {
    for (const [key, { until }] of this.#sessions) {
      if (until > now && this.#sessions.size < maxSessions) break; // oldest first
      this.#sessions.delete(key);
    }
    const cookie = randomBytes(32).toString('hex');
    const csrf = randomBytes(32).toString('base64url');
    this.#sessions.set(keyOf(cookie), { person, device, until: now + lifeMs, csrf: hash(csrf) });
    return { cookie, csrf };
  }

  /** The session of a cookie, if the token that came in the header `X-CSRF` belongs to it. */
  find(cookie: string, csrf: string, now: number): Session | undefined {
    const session = this.#sessions.get(keyOf(cookie));
    if (session === undefined || session.until <= now) return undefined;
    return timingSafeEqual(hash(csrf), session.csrf) ? session : undefined;
  }
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function keyOf(cookie: string): string {
  return hash(cookie).toString('hex');
}
