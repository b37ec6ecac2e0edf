/** One connection to the proxy, from its first byte to its last: a stranger, then a session. */
import type { Socket } from 'node:net';
import type { LoginPorts } from '../downstream/login.ts';
import { type Entry, needsNoQuestion, ProxyLogin } from '../downstream/login.ts';
import { type KeyRules, ownerOf } from '../downstream/proven-key.ts';
import { Userauth } from '../downstream/userauth.ts';
import type { HostKey } from '../engine/host-keys.ts';
import { type Ending, Transport, type TransportListener } from '../engine/transport.ts';
import type { ProxyLog } from '../log.ts';
import { bye } from '../messages/numbers.ts';
import { banner } from '../messages/userauth.ts';
import { Relay } from '../relay/relay.ts';
import { enterUpstream, type UpstreamLeg, type UpstreamPorts } from '../upstream/enter.ts';
import type { Session } from './session.ts';

export interface ClientParts {
  readonly hostKeys: readonly HostKey[];
  readonly ident: string;
  readonly loginTimeoutMs: number;
  readonly login: Omit<LoginPorts<UpstreamLeg>, 'enterUpstream' | 'refused'>;
  readonly upstream: Omit<UpstreamPorts, 'banner'>;
  readonly keyRules: (clientAddress: string) => KeyRules;
  readonly log: ProxyLog;
  /** A session begins. Undefined: there is no room. */
  readonly openSession: (entry: Entry<UpstreamLeg>, clientAddress: string) => Session | undefined;
}

export interface ClientEvents {
  /** It is no stranger any more. */
  readonly loggedIn: () => void;
  readonly failed: () => void;
  /** @param loggedIn whether it ever was; @param timedOut whether that took too long */
  readonly gone: (loggedIn: boolean, timedOut: boolean) => void;
}

export class Client implements TransportListener {
  readonly #parts: ClientParts;
  readonly #address: string;
  readonly #events: ClientEvents;
  readonly #transport: Transport;
  readonly #timer: NodeJS.Timeout;
  #userauth: Userauth<Entry<UpstreamLeg>> | undefined;
  #relay: Relay | undefined;
  #session: Session | undefined;
  #timedOut = false;

  constructor(socket: Socket, address: string, parts: ClientParts, events: ClientEvents) {
    this.#parts = parts;
    this.#address = address;
    this.#events = events;
    const { hostKeys, ident, loginTimeoutMs } = parts;
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      this.end('timed-out', 'the login took too long');
    }, loginTimeoutMs);
    this.#transport = new Transport(socket, { role: { side: 'server', hostKeys }, ident }, this);
  }

  get isSession(): boolean {
    return this.#relay !== undefined;
  }

  /** @param reason a DenyReason for a login under way; @param text for the person */
  end(reason: string, text: string): void {
    this.#userauth?.end(reason);
    if (this.#relay === undefined) this.#transport.disconnect(bye.byApplication, text);
    else this.#relay.end(text);
  }

  ready(): void {
    const { log } = this.#parts;
    this.#userauth = new Userauth(this.#transport, {
      ownerOf: offer => ownerOf(offer, this.#parts.keyRules(this.#address)),
      needsNoQuestion: (user, proved) => needsNoQuestion(this.#parts.login, user, proved, this.#address),
      logIn: async (user, proved, conversation, signal) => {
        const ports: LoginPorts<UpstreamLeg> = {
          ...this.#parts.login,
          refused: (who, why) => log.info('refused', { user: who, client: this.#address, why }),
          enterUpstream: async (passage, asked, aborts) =>
            await enterUpstream(passage, this.#transport.peerIdent, asked, this.#upstreamPorts(), aborts),
        };
        return await new ProxyLogin(ports, user, this.#address, conversation, signal).run(proved);
      },
      entered: entry => this.#enter(entry),
      abandoned: ({ upstream }) => upstream.transport.disconnect(bye.byApplication, 'the client is gone'),
      failed: (user, why) => {
        this.#events.failed();
        log.info('failed', { user, client: this.#address, why });
      },
      broken: error => log.bug(error),
    });
  }

  message(payload: Buffer): 'passed' | void {
    if (this.#relay !== undefined) return this.#relay.message('client', payload);
    this.#userauth?.message(payload);
  }

  drained(): void {
    this.#relay?.drained('client');
  }

  closed(ending: Ending): void {
    clearTimeout(this.#timer);
    if (ending.kind === 'bug') this.#parts.log.bug(ending.text);
    this.#userauth?.end('disconnected');
    this.#relay?.ended('client', ending);
    if (this.#session === undefined)
      this.#parts.log.debug('a stranger is gone', { client: this.#address, why: ending.text });
    this.#session?.end(ending.text);
    this.#events.gone(this.#session !== undefined, this.#timedOut);
  }

  #enter(entry: Entry<UpstreamLeg>): void {
    clearTimeout(this.#timer);
    this.#transport.trust();
    this.#events.loggedIn();
    const { upstream } = entry;
    const session = this.#openSession(entry);
    if (session === undefined) {
      return this.#transport.disconnect(bye.tooManyConnections, 'Too many sessions. Try again in a minute.');
    }
    this.#session = session;
    const relay = new Relay(this.#transport, upstream.transport, session, entry.passage.grant);
    session.onEnd(why => relay.end(why));
    session.onDrained(() => relay.tapDrained());
    this.#relay = relay;
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

  /** Without a session nobody is on the host either. Throws if the log cannot be written. */
  #openSession(entry: Entry<UpstreamLeg>): Session | undefined {
    let session: Session | undefined;
    try {
      session = this.#parts.openSession(entry, this.#address);
      return session;
    } finally {
      if (session === undefined) entry.upstream.transport.disconnect(bye.byApplication, 'no session');
    }
  }

  #upstreamPorts(): UpstreamPorts {
    return { ...this.#parts.upstream, banner: text => this.#transport.send(banner(text)) };
  }
}
