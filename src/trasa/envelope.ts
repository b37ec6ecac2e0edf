import { parseStrictJson } from './json.ts';

/** What a server can do beyond TRASA v1.1 (PROTOCOL.md, part 2). A server that says nothing can do none of it. */
export interface Capabilities {
  /** Shows `pushNumber` on the device. */
  readonly pushNumber: boolean;
  /** Takes a push back when the request is closed. */
  readonly cancelOnClose: boolean;
  /** Says what became of a push that failed. */
  readonly pushAnswer: boolean;
  /** Repeats our `attempt` in its answer. */
  readonly attemptEcho: boolean;
}

export const noCapabilities: Capabilities = {
  pushNumber: false,
  cancelOnClose: false,
  pushAnswer: false,
  attemptEcho: false,
};

/** TRASA's answer, whose `status` is one of the two words that there are. */
export interface Envelope {
  readonly status: 'success' | 'failed';
  /** Empty if none was given. Untrusted text of any length below the body's. */
  readonly reason: string;
  /** What the server wants next, where it says so. Empty if it does not. */
  readonly intent: string;
  /** Of the additive `data[0]`; undefined where the server did not say. */
  readonly attempt: string | undefined;
  readonly push: string | undefined;
  readonly code: string | undefined;
  readonly capabilities: Capabilities;
  /** `data[0]`, where it is an object: for the endpoints that are not TRASA's. */
  readonly extra: JsonObject;
}

/** Reads an answer's body. A string says why it is not TRASA's: it is then no verdict at all. */
export function parseEnvelope(body: Uint8Array): Envelope | string {
  if (body.length === 0) return 'an empty body';
  const json = parseStrictJson(body);
  if (json === undefined) return Buffer.from(body).toString('latin1').trimStart().startsWith('<') ? 'HTML' : 'no JSON';
  if (!isObject(json.value)) return 'JSON that is no object';

  const status = own(json.value, 'status');
  if (status !== 'success' && status !== 'failed') return 'a status that is neither success nor failed';
  const reason = own(json.value, 'reason') ?? '';
  if (typeof reason !== 'string') return 'a reason that is no string';

  const intent = own(json.value, 'intent') ?? '';
  if (typeof intent !== 'string') return 'an intent that is no string';

  const data = own(json.value, 'data');
  const first: unknown = Array.isArray(data) ? data[0] : undefined;
  const extra = isObject(first) ? first : {};
  const attempt = own(extra, 'attempt');
  if (attempt !== undefined && typeof attempt !== 'string') return 'an attempt that is no string';
  const push = own(extra, 'push');
  const code = own(extra, 'code');
  return {
    status,
    reason,
    intent,
    attempt,
    push: typeof push === 'string' ? push : undefined,
    code: typeof code === 'string' ? code : undefined,
    capabilities: parseCapabilities(own(extra, 'capabilities')),
    extra,
  };
}

function parseCapabilities(value: unknown): Capabilities {
  const named = isObject(value) ? value : {};
  return {
    pushNumber: own(named, 'pushNumber') === true,
    cancelOnClose: own(named, 'cancelOnClose') === true,
    pushAnswer: own(named, 'pushAnswer') === true,
    attemptEcho: own(named, 'attemptEcho') === true,
  };
}

export type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member that the JSON text itself has; nothing inherited. */
export function own(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
