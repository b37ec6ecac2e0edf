/** What a server shows besides its answer: its clock and its certificate. For whoever looks after it, not for a login. */
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { UnavailableCause } from '../policy/decision.ts';
import { spkiPin } from './certificate.ts';

export interface ServerSight {
  /** Origin. */
  readonly server: string;
  readonly answer:
    | { readonly kind: 'accepts' }
    | { readonly kind: 'refuses'; readonly reason: string }
    | { readonly kind: 'none'; readonly cause: UnavailableCause; readonly detail: string };
  /** Undefined: it showed none. */
  readonly shown: Shown | undefined;
}

export interface Shown {
  /** The server's clock less ours, in milliseconds; undefined if it does not tell the time. */
  readonly aheadMs: number | undefined;
  /** When the certificate of the server itself ends, in milliseconds since 1970. */
  readonly certificateEndsMs: number | undefined;
  /** Is the key of that certificate pinned? Then its dates do not matter. */
  readonly isPinned: boolean;
}

/**
 * Reads it from an answer whose headers have just arrived.
 *
 * @param askedMs when the request began; the server told the time between then and `nowMs`
 */
export function lookAt(message: IncomingMessage, pins: readonly string[], askedMs: number, nowMs: number): Shown {
  const leaf = message.socket instanceof TLSSocket ? message.socket.getPeerX509Certificate() : undefined;
  const ends = leaf === undefined ? Number.NaN : Date.parse(leaf.validTo);
  return {
    aheadMs: ahead(message.headers.date, askedMs, nowMs),
    certificateEndsMs: Number.isNaN(ends) ? undefined : ends,
    isPinned: leaf !== undefined && pins.includes(spkiPin(leaf)),
  };
}

/** 0 if the server's second, which the header cuts off, lies within the time of the request. */
function ahead(date: string | undefined, askedMs: number, nowMs: number): number | undefined {
  const told = date === undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(told)) return undefined;
  if (told > nowMs) return told - nowMs;
  return told + 999 < askedMs ? told + 999 - askedMs : 0;
}
