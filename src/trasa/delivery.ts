import type { IncomingMessage } from 'node:http';
import type { LookupFunction } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { ServerSettings } from '../config/config.ts';
import { failSafeCauses, type UnavailableCause } from '../policy/decision.ts';
import type { cataloguePath, vaultPath } from './catalogue.ts';
import { TrustedAgent } from './connection.ts';
import { type Envelope, parseEnvelope } from './envelope.ts';
import { exchange } from './exchange.ts';
import { retryAfterMs } from './retry-after.ts';

/** What of the world is used to reach a server; a test brings its own. */
export interface Network {
  readonly lookup: LookupFunction;
  /** Milliseconds of a clock that never jumps. */
  readonly monotonicNow: () => number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export type Delivery = Answered | Unavailable;

export interface Answered {
  readonly kind: 'answered';
  readonly envelope: Envelope;
  /** Milliseconds from the request's first byte to the answer's last. */
  readonly elapsedMs: number;
  /** Origin of the server that answered. */
  readonly server: string;
}

export interface Unavailable {
  readonly kind: 'unavailable';
  readonly cause: UnavailableCause;
  readonly detail: string;
  /** Origin of the server that was asked last. */
  readonly server: string;
  /** Milliseconds since that server may have begun to act on the request; undefined if it certainly did not. */
  readonly elapsedMs: number | undefined;
}

export interface Errand {
  readonly path:
    | '/auth/agent/nix'
    | '/auth/agent/checkconfig'
    | '/auth/identity'
    | typeof cataloguePath
    | typeof vaultPath;
  readonly body: Buffer;
  /**
   * `once`: a code that a server checked is used up, and a push must not be sent twice. So such a request goes to
   * another server only if the one before certainly did not handle it. `harmless`: it may be asked of all of them.
   */
  readonly repeat: 'once' | 'harmless';
  /** On a connection of its own, instead of the warm one. */
  readonly freshConnection: boolean;
  readonly answerTimeoutMs: number;
  /** Of the answer's body; undefined: as many as TRASA's may have. */
  readonly maxBodyBytes?: number;
  /** Is shown the head of each answer. */
  readonly observe?: (message: IncomingMessage) => void;
}

/** Waits for a server that said 429, per errand. */
const maxWaits = 3;
/** A 503 after this long is not one about the request itself. */
const promptMs = 1_000;
/** Shorter than the idle time-outs that are usual in servers and in front of them (60 s and more). */
const idleMs = 55_000;

/** Carries requests to the servers of one installation: the last good one first, then the others in their order. */
export class Deliverer {
  readonly #settings: ServerSettings;
  readonly #network: Network;
  readonly #warm: TrustedAgent;
  readonly #fresh: TrustedAgent;
  #lastGood: URL | undefined;

  constructor(settings: ServerSettings, network: Network) {
    this.#settings = settings;
    this.#network = network;
    this.#warm = new TrustedAgent(settings, network.lookup, { idleMs });
    this.#fresh = new TrustedAgent(settings, network.lookup, { idleMs: 0 });
  }

  /** Never throws for what the network or a server does. Settles soon after `signal` aborts. */
  async deliver(errand: Errand, signal: AbortSignal): Promise<Delivery> {
    const troubles: Unavailable[] = [];
    for (const url of this.#inOrder()) {
      const result = await this.#askOne(url, errand, signal);
      if (result.kind === 'answered') {
        this.#lastGood = url;
        return result;
      }
      troubles.push(result);
      if (signal.aborted || (errand.repeat === 'once' && result.elapsedMs !== undefined)) break;
    }
    return summary(troubles);
  }

  /** Closes the idle connections. Requests under way go on. */
  close(): void {
    this.#warm.closeIdle();
  }

  #inOrder(): readonly URL[] {
    const { urls } = this.#settings;
    const first = this.#lastGood;
    return first === undefined ? urls : [first, ...urls.filter(url => url !== first)];
  }

  /** One server, as often as it says 429 and its waits fit into the time of one answer. */
  async #askOne(url: URL, errand: Errand, signal: AbortSignal): Promise<Delivery> {
    const { now, monotonicNow } = this.#network;
    const agent = errand.freshConnection ? this.#fresh : this.#warm;
    const startedAt = monotonicNow();
    for (let waits = 0; ; waits++) {
      const { answerTimeoutMs, maxBodyBytes, observe } = errand;
      const how = { agent, answerTimeoutMs, monotonicNow, signal, observe, maxBodyBytes };
      const got = await exchange(new URL(errand.path, url), errand.body, how);
      if (got.kind === 'trouble') return failed(url, got.cause, got.detail, got.elapsedMs);
      if (got.status !== 429) return judge(url, got.status, got.body, got.elapsedMs);

      const waitMs = retryAfterMs(got.retryAfter, now());
      const waitedMs = monotonicNow() - startedAt;
      if (waits === maxWaits || waitedMs + waitMs > this.#settings.responseTimeoutMs)
        return failed(url, 'rate-limited', `HTTP 429, to be asked again in ${Math.ceil(waitMs / 1000)} s`, undefined);
      try {
        await wait(waitMs, undefined, { signal });
      } catch {
        return failed(url, 'unreachable', 'cancelled', undefined);
      }
    }
  }
}

function failed(url: URL, cause: UnavailableCause, detail: string, elapsedMs: number | undefined): Unavailable {
  return { kind: 'unavailable', cause, detail, server: url.origin, elapsedMs };
}

/** Only a 200 with TRASA's envelope is a verdict, whatever else the answer says. */
function judge(url: URL, status: number, body: Buffer, elapsedMs: number): Delivery {
  if (status >= 500) {
    // A 503 says that the request was not handled (RFC 9110 §15.6.4), unless it is a late one: then it is a proxy's word
    // for a server that it has lost. After 500, 502 and 504 nobody knows.
    const unhandled = status === 503 && elapsedMs < promptMs;
    return failed(url, 'server-error', `HTTP ${status}`, unhandled ? undefined : elapsedMs);
  }
  if (status >= 400) return failed(url, 'refused', `HTTP ${status}`, elapsedMs);
  if (status >= 300) return failed(url, 'refused', `HTTP ${status} (redirects are not followed)`, elapsedMs);
  if (status !== 200) return failed(url, 'bad-answer', `HTTP ${status}`, elapsedMs);
  const envelope = parseEnvelope(body);
  if (typeof envelope === 'string') return failed(url, 'bad-answer', `${envelope} instead of an answer`, elapsedMs);
  return { kind: 'answered', envelope, elapsedMs, server: url.origin };
}

/** The strictest cause counts: a server that merely cannot be reached must not excuse one whose certificate is wrong. */
function summary(troubles: readonly Unavailable[]): Unavailable {
  const last = troubles.at(-1);
  if (last === undefined)
    return { kind: 'unavailable', cause: 'configuration', detail: 'no server URL', server: '', elapsedMs: undefined };
  if (troubles.length === 1) return last;
  const strictest = troubles.find(({ cause }) => !(failSafeCauses as readonly string[]).includes(cause));
  const detail = troubles.map(trouble => `${trouble.server}: ${trouble.detail}`).join('; ');
  return { ...last, cause: (strictest ?? last).cause, detail };
}
