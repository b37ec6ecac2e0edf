import type { ClientRequest, IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { create } from 'axios';
import type { UnavailableCause } from '../policy/decision.ts';
import type { TrustedAgent, TrustedRequestOptions } from './connection.ts';
import { ConnectTrouble, codeOf } from './trouble.ts';

/** Most bytes of an answer's body, if nothing else is said. TRASA's are a few hundred. */
const usualBodyBytes = 65_536;

/** What came of one request to one server. */
export type Exchange =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** Empty unless the status is 200: nothing else of an answer is read. */
      readonly body: Buffer;
      readonly retryAfter: string | undefined;
      /** Milliseconds from the request's first byte to the answer's last. */
      readonly elapsedMs: number;
    }
  | {
      readonly kind: 'trouble';
      readonly cause: UnavailableCause;
      readonly detail: string;
      /** Milliseconds since the request's first byte; undefined if the server cannot have got any of it. */
      readonly elapsedMs: number | undefined;
    };

export interface ExchangeOptions {
  readonly agent: TrustedAgent;
  /** From the request's first byte to the answer's last. */
  readonly answerTimeoutMs: number;
  /** Milliseconds of a clock that never jumps. */
  readonly monotonicNow: () => number;
  readonly signal: AbortSignal;
  /** Undefined: {@link usualBodyBytes}. */
  readonly maxBodyBytes?: number | undefined;
  /** Is shown the head of the answer. */
  readonly observe: ((message: IncomingMessage) => void) | undefined;
}

/**
 * Sends one POST and reads its answer, bounded in bytes and time. Never throws for what the network or a server does, and
 * never lets axios' errors out: they carry the request, and so the service key and the code.
 */
export async function exchange(url: URL, body: Buffer, options: ExchangeOptions): Promise<Exchange> {
  const { agent, answerTimeoutMs, monotonicNow, signal, observe, maxBodyBytes = usualBodyBytes } = options;
  const deadline = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let sentAt: number | undefined;
  let failure: unknown;
  let answering = false;

  /** Node's own https.request, with an ear for when the connection stands and why it does not. */
  const transport = {
    request(requestOptions: https.RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest {
      const connecting: TrustedRequestOptions = { ...requestOptions, connectSignal: signal };
      const request = https.request(connecting, message => {
        observe?.(message);
        onResponse(message);
      });
      request.once('socket', () => {
        sentAt = monotonicNow();
        timer = setTimeout(() => deadline.abort(), answerTimeoutMs);
      });
      request.once('error', error => {
        failure = error;
      });
      return request;
    },
  };

  try {
    const response = await client.request<Readable>({
      url: url.href,
      data: body,
      httpsAgent: agent,
      transport,
      signal: AbortSignal.any([signal, deadline.signal]),
    });
    answering = true;
    const { status, headers, data } = response;
    const retryAfter: unknown = headers['retry-after'];
    const bytes = await readAnswer(status, data, maxBodyBytes);
    const elapsedMs = monotonicNow() - (sentAt ?? 0);
    if (bytes === undefined)
      return { kind: 'trouble', cause: 'bad-answer', detail: `answer over ${maxBodyBytes} bytes`, elapsedMs };
    return {
      kind: 'answer',
      status,
      body: bytes,
      retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
      elapsedMs,
    };
  } catch (error) {
    const elapsedMs = sentAt === undefined ? undefined : monotonicNow() - sentAt;
    if (signal.aborted) return { kind: 'trouble', cause: 'unreachable', detail: 'cancelled', elapsedMs };
    if (deadline.signal.aborted)
      return { kind: 'trouble', cause: 'timeout', detail: `no whole answer within ${answerTimeoutMs} ms`, elapsedMs };
    return { kind: 'trouble', ...causeOf(failure ?? error, sentAt !== undefined, answering), elapsedMs };
  } finally {
    clearTimeout(timer);
  }
}

/** Nothing here comes from the environment, is followed, decoded, or bounded by axios' own taste. */
const client = create({
  adapter: 'http',
  method: 'post',
  headers: {
    'Content-Type': 'application/json',
    Accept: 'application/json',
    'Accept-Encoding': 'identity',
    'User-Agent': 'trasa-agent',
  },
  proxy: false,
  maxRedirects: 0,
  decompress: false,
  responseType: 'stream',
  validateStatus: null,
});

/** The body of a 200; no bytes of any other answer, whose connection is dropped. Undefined if it is too long. */
async function readAnswer(status: number, stream: Readable, maxBodyBytes: number): Promise<Buffer | undefined> {
  if (status !== 200) {
    stream.on('error', () => {}); // nobody waits for it any more
    stream.destroy();
    return Buffer.alloc(0);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) return undefined; // leaving the loop destroys the connection
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function causeOf(
  error: unknown,
  sent: boolean,
  answering: boolean,
): { readonly cause: UnavailableCause; readonly detail: string } {
  if (error instanceof ConnectTrouble) return { cause: error.why, detail: error.message };
  const code = codeOf(error);
  if (answering) return { cause: 'bad-answer', detail: `answer cut short${code}` };
  if (code.startsWith(' (HPE_')) return { cause: 'bad-answer', detail: `an answer that is not HTTP${code}` };
  if (!sent) return { cause: 'unreachable', detail: `no connection${code}` };
  return { cause: 'unreachable', detail: `connection lost before the answer${code}` };
}
