import type { AddressInfo } from 'node:net';
import { type Call, type Endpoint } from './api/endpoint.ts';
import { type ApiPorts, routes } from './api/routes.ts';
import { type WriteLine, writeEvent } from './audit.ts';
import { type FactorCheck, factorCheck } from './factors.ts';
import { createHttp, type Http, type HttpLimits } from './http.ts';
import { PendingLogins } from './pending-logins.ts';
import { PollProofs } from './push/poll-proof.ts';
import { PushDesk, type PushLimits, type Timer } from './push/push-desk.ts';
import { RenewalChallenges } from './renewal-challenges.ts';
import { Sessions } from './sessions.ts';
import type { ServerState } from './state/open-state.ts';
import type { ServerIdentity } from './tls/server-identity.ts';
import { Turnstile } from './turnstile.ts';

export interface ServerOptions {
  readonly state: ServerState;
  readonly tls: Pick<ServerIdentity, 'key' | 'cert'>;
  /** Takes the log, a JSON line at a time. */
  readonly write: WriteLine;
  /** Milliseconds since 1970; tests bring their own. */
  readonly now?: () => number;
  readonly timer?: Timer;
  readonly push?: PushLimits;
  readonly http?: HttpLimits;
  /** Stands in for codes and pushes, to measure the rest. No option of the program leads here. */
  readonly factor?: FactorCheck;
}

export interface TrasaServer {
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Settles when no push waits: then a restart takes none from anybody. */
  idle(): Promise<void>;
  /** Cancels what waits, answers what is being answered, and lets go of the port. The state stays open. */
  close(): Promise<void>;
}

/** The embedded TRASA-compatible server, ready to listen. */
export function createServer(options: ServerOptions): TrasaServer {
  const { state, now = Date.now, timer = realTimer, push = pushLimits } = options;
  const desk = new PushDesk(push, timer);
  const factor = options.factor ?? factorCheck({ ...state, desk, now });
  const ports: ApiPorts = {
    ...state,
    desk,
    factor,
    now,
    timer,
    pending: new PendingLogins(),
    sessions: new Sessions(),
    proofs: new PollProofs(),
    turnstile: new Turnstile(2, 64), // 64 MiB for passwords at most, and ten seconds of waiting
    keyMaking: new Turnstile(1, 16),
    challenges: new RenewalChallenges(),
    renewing: new Turnstile(1, 64),
  };
  const http = createHttp(options.tls, error => writeError(options.write, now(), error), options.http);
  for (const [method, path, endpoint] of routes(ports))
    http.on(method, path, logged(path, endpoint, options.write, now));
  return {
    listen: (host, port) => http.listen(host, port),
    idle: () => desk.idle(),
    close: async () => {
      desk.close();
      await http.close();
    },
  };
}

/** TRASA holds a push for 60 s. */
const pushLimits: PushLimits = { holdMs: 60_000, maxHeld: 1000 };

/** Every answer is in the log before it is on its way. */
function logged(path: string, endpoint: Endpoint, write: WriteLine, now: () => number): Parameters<Http['on']>[2] {
  return async (call: Call) => {
    const start = now();
    const answer = await endpoint(call);
    const { envelope, audit } = answer;
    if (audit !== undefined)
      writeEvent(write, now(), {
        event: 'verdict',
        endpoint: path,
        status: envelope.status,
        reason: envelope.reason ?? '',
        peer: call.peer,
        ...audit,
        totalMs: now() - start,
      });
    return answer;
  };
}

function writeError(write: WriteLine, now: number, error: Error): void {
  write(JSON.stringify({ time: new Date(now).toISOString(), event: 'error', text: error.stack ?? error.message }));
}

function realTimer(afterMs: number, run: () => void): () => void {
  const timeout = setTimeout(run, afterMs);
  return () => clearTimeout(timeout);
}
