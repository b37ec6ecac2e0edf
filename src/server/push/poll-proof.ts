import { isSignedBy } from './signature.ts';

/** How a device proves that it is itself when it asks for its pushes (PROTOCOL.md, part 2). */
export interface PollProof {
  readonly device: string;
  /** Milliseconds since 1970, decimal. */
  readonly timestamp: string;
  /** 16 to 64 characters, used once. */
  readonly nonce: string;
  readonly signature: string;
}

/** What is signed. Begins so that it can never be the challenge of a push, which is hex. */
export function pollText({ device, timestamp, nonce }: Omit<PollProof, 'signature'>): string {
  return ['trasa-agent pushes', device, timestamp, nonce].join('\n');
}

/** How far the clocks of device and server may be apart. */
const maxSkewMs = 60_000;

/** Accepts each proof once. */
export class PollProofs {
  /** Device and nonce → when they may be forgotten: no timestamp that old is accepted then. */
  readonly #seen = new Map<string, number>();

  accept(proof: PollProof, publicKey: string, now: number): boolean {
    for (const [key, until] of this.#seen) {
      if (until >= now) break; // a Map keeps the order in which they came, which is that of `until`
      this.#seen.delete(key);
    }
    const key = `${proof.device}\n${proof.nonce}`;
    const fresh = /^\d{1,15}$/.test(proof.timestamp) && Math.abs(now - Number(proof.timestamp)) <= maxSkewMs;
    if (!fresh || !/^[\w-]{16,64}$/.test(proof.nonce) || this.#seen.has(key)) return false;
    if (!isSignedBy(publicKey, pollText(proof), proof.signature)) return false;
    this.#seen.set(key, now + 2 * maxSkewMs);
    return true;
  }
}
