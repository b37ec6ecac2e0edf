/** TRASA's envelope. Every answer is HTTP 200; the verdict is `status`. */
export interface Envelope {
  readonly status: 'success' | 'failed';
  readonly reason?: string;
  readonly intent?: string;
  /** What the original's handler passed: `null` if nothing, else an array. */
  readonly data: readonly unknown[] | null;
}

export function success(reason: string, intent: string, data: Envelope['data'] = [null]): Envelope {
  return envelope('success', reason, intent, data);
}

export function failed(reason: string, intent: string, data: Envelope['data'] = [null]): Envelope {
  return envelope('failed', reason, intent, data);
}

/** `reason` and `intent` are left out when empty (Go's `omitempty`). */
function envelope(status: Envelope['status'], reason: string, intent: string, data: Envelope['data']): Envelope {
  return { status, ...(reason === '' ? {} : { reason }), ...(intent === '' ? {} : { intent }), data };
}
