import type { AuditEvent } from '../audit.ts';
import type { Envelope } from './envelope.ts';

/** One request, without its HTTP. */
export interface Call {
  readonly body: Buffer;
  /** Who connected: a host or a device, not the person's client. */
  readonly peer: string;
  /** Aborts when the connection goes away before the answer. */
  readonly gone: AbortSignal;
}

export interface Answer {
  readonly envelope: Envelope;
  readonly setCookie?: string;
  /** What the log keeps of it beside the verdict; undefined: nothing worth a line. */
  readonly audit: Omit<AuditEvent, 'event' | 'endpoint' | 'status' | 'reason' | 'peer' | 'totalMs'> | undefined;
}

/** Expected results are answers; an exception is a bug, and becomes HTTP 500, which is no verdict. */
export type Endpoint = (call: Call) => Answer | Promise<Answer>;
