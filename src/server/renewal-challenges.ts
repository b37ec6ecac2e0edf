import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** A host signs at once. */
const lifeMs = 60_000;

/**
 * What hosts are asked to sign: the time, in a form that only this process can have made. Nothing is kept of those that
 * were handed out, for anybody may ask, and one that is used again within its minute brings nobody more than the first use.
 */
export class RenewalChallenges {
  readonly #key = randomBytes(32);

  make(now: number): string {
    return `${now}.${this.#proof(String(now)).toString('hex')}`;
  }

  isFresh(challenge: string, now: number): boolean {
    const [, madeAt, proof] = /^(\d{1,15})\.([0-9a-f]{64})$/.exec(challenge) ?? [];
    if (madeAt === undefined || proof === undefined) return false;
    const age = now - Number(madeAt);
    return age >= 0 && age <= lifeMs && timingSafeEqual(this.#proof(madeAt), Buffer.from(proof, 'hex'));
  }

  #proof(madeAt: string): Buffer {
    return createHmac('sha256', this.#key).update(madeAt).digest();
  }
}
