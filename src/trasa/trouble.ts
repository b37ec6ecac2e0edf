import type { UnavailableCause } from '../policy/decision.ts';

/**
 * Why no connection could be had. Thrown only between connection.ts and exchange.ts, because a socket's failure reaches
 * us through Node's Agent, which knows nothing but errors. Nothing of the request was sent.
 */
export class ConnectTrouble extends Error {
  override readonly name = 'ConnectTrouble';
  readonly why: UnavailableCause;

  /** @param detail our own words and error codes only, fit for the log */
  constructor(why: UnavailableCause, detail: string) {
    super(detail);
    this.why = why;
  }
}

/** Said behind a trouble with the dates of a certificate: the fault may be on our side. */
export function clockHint(trouble: string): string {
  return /CERT_(HAS_EXPIRED|NOT_YET_VALID)/.test(trouble) ? "; is this host's clock right?" : '';
}

/**
 * The code of a system, OpenSSL or HTTP parser error (`ECONNREFUSED`, `CERT_HAS_EXPIRED`, …), in parentheses and after a
 * blank; empty if there is none. Messages of errors are never quoted: who knows what they carry.
 */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{2,64}$/.test(code) ? ` (${code})` : '';
}
