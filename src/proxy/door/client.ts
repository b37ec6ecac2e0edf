/** One connection to the proxy, from its first byte to its last: a stranger, then a session. */
import type { Socket } from 'node:net';
import type { Grant } from '../../policy/grant.ts';
import type { SessionReport } from '../crew/messages.ts';
import { needsNoQuestion } from '../downstream/entry.ts';
import type { InfoRequests } from '../downstream/info-requests.ts';
import {
  type Entry,
  isPassage,
  type JumpPassage,
  type LoginPorts,
  type Passage,
  ProxyLogin,
} from '../downstream/login.ts';
import { type KeyRules, ownerOf } from '../downstream/proven-key.ts';
import { Userauth } from '../downstream/userauth.ts';
import type { HostKey } from '../engine/host-keys.ts';
import { type Ending, Transport, type TransportListener } from '../engine/transport.ts';
import { Jump, type JumpPorts } from '../jump/jump.ts';
import type { ProxyLog } from '../log.ts';
import { bye } from '../messages/numbers.ts';
import { banner } from '../messages/userauth.ts';
import { Relay } from '../relay/relay.ts';
import { enterUpstream, type UpstreamOutcome, type UpstreamPorts } from '../upstream/enter.ts';
import type { UpstreamLeg } from '../upstream/upstream-leg.ts';
import type { Session } from './session.ts';
import type { Turns } from './turns.ts';

/** What is behind a client; undefined for one that has come to jump: nothing. */
export type Upstream = UpstreamLeg | undefined;

export interface ClientParts {
  readonly hostKeys: () => readonly HostKey[];
  readonly ident: string;
  readonly loginTimeoutMs: number;
  readonly login: Omit<LoginPorts<Upstream>, 'enterUpstream' | 'refused'>;
  readonly upstream: Omit<UpstreamPorts, 'banner' | 'stored'> & {
    readonly stored: (
      passage: Passage,
      clientAddress: string,
      signal: AbortSignal,
    ) => ReturnType<UpstreamPorts['stored']>;
  };
  readonly jump: (person: string, clientAddress: string) => JumpPorts;
  readonly keyRules: (clientAddress: string) => KeyRules;
  readonly log: ProxyLog;
  readonly turns: Turns;
  /** A session begins. Throws if the log of it cannot be written. */
  readonly openSession: (entry: Entry<Upstream>, clientAddress: string) => Session;
}

export interface ClientEvents {
  /** Before it enters a host: is there room for one more session? */
  readonly takeSeat: () => Promise<boolean>;
  /** It is no stranger any more. @param id of the session */
  readonly loggedIn: (id: string) => void;
  readonly failed: () => void;
  /** @param timedOut whether the login took too long */
  readonly gone: (timedOut: boolean) => void;
}

/** Where a client's messages go, once it is in. */
interface Traffic extends Pick<Jump, 'drained' | 'ended' | 'end'>, Pick<TransportListener, 'message'> {}

export class Client implements TransportListener {
  readonly #parts: ClientParts;
  readonly #socket: Socket;
  readonly #address: string;
  readonly #events: ClientEvents;
  readonly #transport: Transport;
  readonly #timer: NodeJS.Timeout;
  #userauth: Userauth<Entry<Upstream>> | undefined;
  #traffic: Traffic | undefined;
  #session: Session | undefined;
  #timedOut = false;

  constructor(socket: Socket, address: string, parts: ClientParts, events: ClientEvents) {
    this.#parts = parts;
    this.#socket = socket;
    this.#address = address;
    this.#events = events;
    const { hostKeys, ident, loginTimeoutMs } = parts;
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      this.end('timed-out', 'the login took too long');
    }, loginTimeoutMs);
    this.#transport = new Transport(socket, { role: { side: 'server', hostKeys: hostKeys() }, ident }, this);
    parts.turns.take(socket, () => this.isSession);
  }

  get isSession(): boolean {
    return this.#traffic !== undefined;
  }

  /** Undefined before the login. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** Undefined before the login. */
  report(): SessionReport | undefined {
    const { bytesRead, bytesWritten } = this.#socket;
    return (
      this.#session && {
        ...this.#session.facts,
        channels: this.#session.view.channels,
        bytesIn: bytesRead,
        bytesOut: bytesWritten,
      }
    );
  }

  /** @param reason a DenyReason for a login under way; @param text for the person */
  end(reason: string, text: string): void {
    this.#userauth?.end(reason);
    if (this.#traffic === undefined) this.#transport.disconnect(bye.byApplication, text);
    else this.#traffic.end(text);
  }

  ready(): void {
    const { log } = this.#parts;
    this.#userauth = new Userauth(this.#transport, {
      ownerOf: offer => ownerOf(offer, this.#parts.keyRules(this.#address)),
      needsNoQuestion: (user, proved) => needsNoQuestion(this.#parts.login, user, proved, this.#address),
      logIn: async (user, proved, conversation, signal) => {
        const ports: LoginPorts<Upstream> = {
          ...this.#parts.login,
          refused: (who, why) => log.info('refused', { user: who, client: this.#address, why }),
          enterUpstream: async (passage, asked, aborts) =>
            (await this.#events.takeSeat()) ? await this.#goOn(passage, asked, aborts) : noSeat,
        };
        return await new ProxyLogin(ports, user, this.#address, conversation, signal).run(proved);
      },
      entered: entry => this.#enter(entry),
      abandoned: ({ upstream }) => upstream?.transport.disconnect(bye.byApplication, 'the client is gone'),
      failed: (user, why) => {
        this.#events.failed();
        log.info('failed', { user, client: this.#address, why });
      },
      broken: error => log.bug(error),
    });
  }

  message(payload: Buffer): 'passed' | void {
    if (this.#traffic !== undefined) return this.#traffic.message(payload);
    this.#userauth?.message(payload);
  }

  drained(): void {
    this.#traffic?.drained();
  }

  closed(ending: Ending): void {
    clearTimeout(this.#timer);
    if (ending.kind === 'bug') this.#parts.log.bug(ending.text);
    this.#userauth?.end('disconnected');
    this.#traffic?.ended(ending);
    if (this.#session === undefined)
      this.#parts.log.debug('a stranger is gone', { client: this.#address, why: ending.text });
    this.#session?.end(ending.text);
    this.#events.gone(this.#timedOut);
  }

  #enter(entry: Entry<Upstream>): void {
    clearTimeout(this.#timer);
    this.#transport.trust();
    const { upstream } = entry;
    const session = this.#openSession(entry);
    this.#events.loggedIn(entry.passage.id);
    this.#session = session;
    if (upstream === undefined) this.#jump(entry.passage.person, session);
    else this.#relay(upstream, entry.passage.grant, session);
  }

  #relay(upstream: UpstreamLeg, grant: Grant, session: Session): void {
    const relay = new Relay(this.#transport, upstream.transport, session, grant);
    session.onEnd(why => relay.end(why));
    session.onDrained(() => relay.tapDrained());
    this.#traffic = {
      message: payload => relay.message('client', payload),
      drained: () => relay.drained('client'),
      ended: ending => relay.ended('client', ending),
      end: why => relay.end(why),
    };
    upstream.handTo({
      ready: () => {},
      message: payload => relay.message('host', payload),
      drained: () => relay.drained('host'),
      closed: ending => {
        if (ending.kind === 'bug') this.#parts.log.bug(ending.text);
        relay.ended('host', ending);
      },
    });
  }

  #jump(person: string, session: Session): void {
    const jump = new Jump(this.#transport, session, this.#parts.jump(person, this.#address));
    session.onEnd(why => jump.end(why));
    this.#traffic = jump;
  }

  /** Without a session nobody is on the host either. Throws if the log cannot be written. */
  #openSession(entry: Entry<Upstream>): Session {
    let session: Session | undefined;
    try {
      session = this.#parts.openSession(entry, this.#address);
      return session;
    } finally {
      if (session === undefined) entry.upstream?.transport.disconnect(bye.byApplication, 'no session');
    }
  }

  /** To the host of the service, or to none for who has come to jump. */
  async #goOn(
    passage: Passage | JumpPassage,
    asked: InfoRequests,
    signal: AbortSignal,
  ): Promise<UpstreamOutcome<Upstream>> {
    if (!isPassage(passage)) return { kind: 'entered', leg: undefined };
    return await enterUpstream(passage, this.#transport.peerIdent, asked, this.#upstreamPorts(), signal);
  }

  #upstreamPorts(): UpstreamPorts {
    const { upstream } = this.#parts;
    return {
      ...upstream,
      stored: async (passage, signal) => await upstream.stored(passage, this.#address, signal),
      banner: text => this.#transport.send(banner(text)),
    };
  }
}

const noSeat = {
  kind: 'refused',
  says: 'Too many sessions. Try again in a minute.',
  detail: 'too many sessions',
} as const;
