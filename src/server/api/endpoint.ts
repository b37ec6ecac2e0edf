import type { AuditEvent } from '../audit.ts';
import type { Envelope } from './envelope.ts';

/** One request, without its HTTP. */
export interface Call {
  readonly body: Buffer;
  /** Who connected: a host or a device, not the person's client. */
  readonly peer: string;
  /** What the path has in the place of its `:name`s. */
  readonly params: Readonly<Record<string, string>>;
  /** A header, named in lower case; empty if there is none. */
  readonly header: (name: string) => string;
  /** Aborts when the connection goes away before the answer. */
  readonly gone: AbortSignal;
}

export interface Answer {
  readonly envelope: Envelope;
  /** Sent in the envelope's place, which is then for the log alone. */
  readonly file?: Download;
  /** Of HTTP; 200, if nothing else is said: the verdict is the envelope's. */
  readonly status?: 403 | 404 | 503;
  readonly setCookie?: string;
  /** What the log keeps of it beside the verdict; undefined: nothing worth a line. */
  readonly audit: Omit<AuditEvent, 'event' | 'endpoint' | 'status' | 'reason' | 'peer' | 'totalMs'> | undefined;
}

export interface Download {
  readonly contentType: string;
  /** Plain letters. Undefined: it is not for saving. */
  readonly name?: string;
  readonly content: string | Buffer;
  /** Names this content (RFC 9110 §8.8.3); who has it already is told so. Undefined: nobody keeps it. */
  readonly tag?: string;
}

/** Expected results are answers; an exception is a bug, and becomes HTTP 500, which is no verdict. */
export type Endpoint = (call: Call) => Answer | Promise<Answer>;
