/** A server on loopback with a clock and timers of the test's own. */
import { request } from 'node:https';
import { join } from 'node:path';
import type { Test } from 'tap';
import { Secret } from '../../src/otp/secret.ts';
import { type TotpParameters, totpAt } from '../../src/otp/totp.ts';
import { usualTerms } from '../../src/policy/session-terms.ts';
import { hashPassword } from '../../src/server/password.ts';
import type { Timer } from '../../src/server/push/push-desk.ts';
import { createServer, type ServerOptions } from '../../src/server/server.ts';
import { openState, type ServerState } from '../../src/server/state/open-state.ts';
import type { Person } from '../../src/server/store/people.ts';
import { ownIdentity } from '../../src/server/tls/server-identity.ts';

/** A Monday, 12:00 UTC. */
export const monday = Date.UTC(2026, 10, 23, 12, 0, 0);

export class FakeTime {
  #now: number;
  readonly #timers = new Set<{ at: number; run: () => void }>();

  constructor(now = monday) {
    this.#now = now;
  }

  readonly now = (): number => this.#now;

  readonly timer: Timer = (afterMs, run) => {
    const entry = { at: this.#now + afterMs, run };
    this.#timers.add(entry);
    return () => void this.#timers.delete(entry);
  };

  advance(ms: number): void {
    this.#now += ms;
    for (const entry of this.#timers) {
      if (entry.at > this.#now) continue;
      this.#timers.delete(entry);
      entry.run();
    }
  }

  get waiting(): number {
    return this.#timers.size;
  }
}

export function testState(t: Test): ServerState {
  const opened = openState(join(t.testdir(), 'state'));
  if (opened.kind === 'broken') throw new Error(opened.text);
  t.teardown(() => opened.state.close());
  return opened.state;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly bytes: Buffer;
  readonly json: unknown;
}

export interface TestServer {
  readonly state: ServerState;
  readonly time: FakeTime;
  readonly log: string[];
  readonly url: URL;
  readonly pin: string;
  readonly post: (path: string, body: unknown, signal?: AbortSignal) => Promise<Reply>;
  readonly close: () => Promise<void>;
}

export async function testServer(t: Test, options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const state = options.state ?? testState(t);
  const time = new FakeTime();
  const log: string[] = [];
  const identity = ownIdentity(state.directory, ['localhost', '127.0.0.1'], Date.now());
  if (identity.kind === 'broken') throw new Error(identity.text);
  const write = (line: string): void => void log.push(line);
  const server = createServer({ state, tls: identity, write, now: time.now, timer: time.timer, ...options });
  const { port } = await server.listen('127.0.0.1', 0);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => await (closing ??= server.close());
  t.teardown(close);
  const url = new URL(`https://127.0.0.1:${port}`);
  return {
    state,
    time,
    log,
    url,
    pin: identity.pin,
    close,
    post: async (path, body, signal) =>
      await send(
        url,
        'POST',
        path,
        typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
        signal,
      ),
  };
}

export async function send(
  url: URL,
  method: string,
  path: string,
  body: string | Buffer,
  signal?: AbortSignal,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const outgoing = request(new URL(path, url), {
    method,
    headers,
    rejectUnauthorized: false,
    agent: false,
    ...(signal === undefined ? {} : { signal }),
  });
  outgoing.on('error', reject);
  outgoing.on('response', response => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const text = bytes.toString('utf8');
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        json = undefined;
      }
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, bytes, json });
    });
  });
  outgoing.end(body);
  return await promise;
}

/** Waits until something is so; the test's own deadline ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve));
}

/** RFC 6238's SHA-1 secret, in base32. */
export const secret = new Secret('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
export const totp: TotpParameters = { secret, algorithm: 'sha1', digits: 6, periodSeconds: 30 };

export function codeAt(now: number): string {
  return totpAt(totp, now).expose();
}

/** A cheap hash; what is tested is not its cost. */
const cheap = { N: 1024, r: 8, p: 1 } as const;

export interface Alice {
  readonly person: Person;
  readonly serviceID: string;
  readonly serviceKey: string;
  /** All that nix needs but for a factor. */
  readonly request: Readonly<Record<string, string>>;
}

/** Alice may enter the account alice of web1; she has a password and, unless told otherwise, a TOTP credential. */
export async function addAlice(
  state: ServerState,
  { enrolled = true, password = 'correct horse' } = {},
): Promise<Alice> {
  const kept = await hashPassword(new Secret(password), cheap);
  const person = state.people.add('alice@example.com', 'alice', kept, 0);
  const added = state.services.add('web1', 'web1.example.com', false, 0);
  if (person === undefined || added === undefined) throw new Error('alice is here already');
  if (enrolled) state.credentials.add(person.id, totp, undefined, 0);
  const { service, key } = added;
  grant(state, person.id, service.id);
  const credentials = { serviceID: service.id, serviceKey: key.expose() };
  return {
    person,
    ...credentials,
    request: { ...credentials, user: 'alice', trasaID: 'alice@example.com', userIP: '192.0.2.7' },
  };
}

export function grant(state: ServerState, person: string, service: string, terms: object = {}): void {
  const open = { account: 'alice', tfaRequired: true, networks: [], hours: '', timeZone: 'UTC', lastDay: undefined };
  state.access.grant({ holder: { kind: 'person', id: person }, service, session: usualTerms(), ...open, ...terms });
}
