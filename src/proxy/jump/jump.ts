/**
 * A connection that came to jump (`ssh -J PROXY SERVICE`): it has no host behind it, and opens connections to services from
 * here. What passes is the client's own SSH, with its own keys, and cannot be seen; where it leads is the only question.
 */
import type { Socket } from 'node:net';
import type { ProxyService } from '../../config/config.ts';
import { cleanText } from '../../protocol/clean.ts';
import { WireReader } from '../../ssh/wire.ts';
import type { Ending } from '../engine/transport.ts';
import {
  channelFailure,
  openConfirmation,
  openFailure,
  parseChannelOpen,
  parseChannelRequest,
  parseGlobalRequest,
  recipientOf,
  requestFailure,
} from '../messages/connection.ts';
import { bye, msg, notOpened } from '../messages/numbers.ts';
import { type Address, readPlace } from '../relay/places.ts';
import { type Leg, largestPacket } from '../relay/relay.ts';
import type { OpenedChannel, SessionTap } from '../relay/tap.ts';
import { JumpChannel, type JumpTerms } from './channel.ts';
import { type Destination, destinationOf, type JumpRules } from './destination.ts';

export interface JumpPorts {
  /** Of this moment, and for this person. */
  readonly rules: () => JumpRules;
  /** Connects; rejects with a reason for the log. */
  readonly dial: (host: string, port: number, signal: AbortSignal) => Promise<Socket>;
  /** A bug. */
  readonly broken: (error: unknown) => void;
}

/** Open, about to be, or not gone yet. */
const maxChannels = 100;
/** What the client may send ahead on one of them; on all of them together, after which each has the least of a window. */
const usualWindow = 2 * 1024 * 1024;
const allWindows = 8 * usualWindow;
const leastWindow = 256 * 1024;
const tooOld = 'your login at the proxy is too old for that: log in again';
const noSession =
  'this connection is for jumps: say ssh -J PROXY SERVICE, or for a session by the proxy ssh ACCOUNT@SERVICE@PROXY';

export class Jump {
  readonly #client: Leg;
  readonly #tap: SessionTap;
  readonly #ports: JumpPorts;
  /** By our number. */
  readonly #channels = new Map<number, JumpChannel>();
  /** The client's numbers, of which none may be two. */
  readonly #taken = new Set<number>();
  readonly #ending = new AbortController();
  readonly #since = performance.now();
  /** When something last passed, either way. */
  #movedAt = this.#since;
  #nextNumber = 0;
  #connections = 0;
  #windows = 0;

  constructor(client: Leg, tap: SessionTap, ports: JumpPorts) {
    this.#client = client;
    this.#tap = tap;
    this.#ports = ports;
  }

  message(payload: Buffer): void {
    if (this.#isOver) return;
    switch (payload[0] ?? 0) {
      case msg.globalRequest:
        return this.#global(payload);
      case msg.channelOpen:
        return this.#open(payload);
      case msg.channelRequest:
        return this.#request(payload);
      case msg.channelData:
      case msg.channelWindowAdjust:
      case msg.channelEof:
      case msg.channelClose:
        return this.#ofChannel(payload);
      default:
        return this.#violation(`message ${payload[0] ?? 0}`);
    }
  }

  drained(): void {
    if (!this.#isOver) this.#client.resume(); // see #answer
    for (const channel of this.#channels.values()) channel.drained();
  }

  ended({ text }: Ending): void {
    this.end(`the client is gone: ${cleanText(text, 120)}`);
  }

  end(why: string): void {
    if (this.#isOver) return;
    this.#ending.abort();
    this.#client.disconnect(bye.byApplication, why);
    for (const channel of this.#channels.values()) channel.destroy();
  }

  get #isOver(): boolean {
    return this.#ending.signal.aborted;
  }

  /** A keepalive is answered by any reply; nothing else is asked of a proxy that listens for nobody. */
  #global(payload: Buffer): void {
    const request = parseGlobalRequest(payload);
    if (request === undefined) return this.#violation('a malformed request');
    const { type, wantReply } = request;
    if (type !== 'keepalive@openssh.com' && type !== 'no-more-sessions@openssh.com')
      this.#tap.refused({ kind: 'global', from: 'client', type }, 'this connection is for jumps');
    if (wantReply) this.#answer(requestFailure);
  }

  #open(payload: Buffer): void {
    const open = parseChannelOpen(payload);
    const place = open && readPlace(open.type, open.data);
    if (open === undefined || open.data.isBroken || open.maxPacket === 0) return this.#violation('a malformed channel');
    if (this.#taken.has(open.sender)) return this.#violation('a channel with the number of another');
    const { type, sender, window, maxPacket } = open;
    const refuse = (reason: number, why: string): void => {
      this.#tap.refused({ kind: 'open', from: 'client', type, ...(place !== undefined && { place }) }, why);
      this.#answer(openFailure(sender, reason, why));
    };
    if (type !== 'direct-tcpip' || place === undefined || 'path' in place)
      return refuse(notOpened.prohibited, noSession);
    if (this.#taken.size >= maxChannels || this.#connections >= maxChannels)
      return refuse(notOpened.shortage, 'too many channels');
    const destination = destinationOf(place, this.#ports.rules());
    if (typeof destination === 'string') return refuse(notOpened.prohibited, destination);
    if (this.#isTooOldFor(destination)) {
      refuse(notOpened.prohibited, tooOld);
      if (this.#connections === 0) this.end(tooOld); // so that a client that keeps it for many connections logs in again
      return;
    }
    const { service, idleMs, sessionMs } = destination;
    const ourWindow = Math.max(leastWindow, Math.min(usualWindow, allWindows - this.#windows));
    const size = Math.min(maxPacket, largestPacket);
    const terms = { number: sender, window, maxPacket: size, ourWindow, idleMs, sessionMs, since: this.#since };
    this.#connect(service, place, terms).catch((error: unknown) => {
      this.#ports.broken(error);
      this.end('internal error');
    });
  }

  /** Where a session would have ended by now, another connection is a way around the second factor. */
  #isTooOldFor({ idleMs, sessionMs }: Destination): boolean {
    const now = performance.now();
    return (sessionMs > 0 && now - this.#since >= sessionMs) || (idleMs > 0 && now - this.#movedAt >= idleMs);
  }

  /** To where the configuration says that the service is, whatever the client said. */
  async #connect({ name, host, port }: ProxyService, place: Address, terms: JumpTerms): Promise<void> {
    const { number: client, ourWindow } = terms;
    const facts: OpenedChannel = {
      client,
      type: 'jump',
      opener: 'client',
      place,
      leadsTo: name,
      bytes: { client: 0, host: 0 },
    };
    const closed = (): void => void this.#taken.delete(client);
    const gone = (): void => {
      this.#connections--;
      this.#windows -= ourWindow;
    };
    this.#taken.add(client);
    this.#connections++;
    this.#windows += ourWindow;
    let socket: Socket;
    try {
      socket = await this.#ports.dial(host, port, this.#ending.signal);
    } catch (error) {
      closed();
      gone();
      if (this.#isOver) return;
      this.#tap.notOpened(facts, error instanceof Error ? error.message : String(error));
      return this.#answer(openFailure(client, notOpened.connectFailed, `${name} does not answer`));
    }
    if (this.#isOver) return void socket.destroy();
    try {
      this.#tap.opened(facts);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    const number = this.#nextNumber++;
    this.#answer(openConfirmation(client, { sender: number, window: ourWindow, maxPacket: largestPacket }));
    const channel = new JumpChannel(socket, this.#client, facts, terms, {
      closed: why => {
        this.#channels.delete(number);
        closed();
        this.#tap.closed(client, why);
      },
      gone,
    });
    this.#channels.set(number, channel);
  }

  #ofChannel(payload: Buffer): void {
    const channel = this.#channelOf(payload);
    if (channel === undefined) return;
    this.#movedAt = performance.now(); // what comes from the host, the client makes room for
    switch (payload[0] ?? 0) {
      case msg.channelData: {
        const reader = new WireReader(payload.subarray(5));
        const bytes = reader.string();
        if (!reader.isWhole || !channel.data(bytes)) this.#violation('more data than the window has room for');
        return;
      }
      case msg.channelWindowAdjust: {
        const reader = new WireReader(payload.subarray(5));
        const bytes = reader.uint32();
        if (!reader.isWhole || !channel.adjusted(bytes)) this.#violation('a window that cannot be');
        return;
      }
      case msg.channelEof:
        return channel.eof();
      default:
        return channel.close();
    }
  }

  /** There is nothing to be asked of a connection. */
  #request(payload: Buffer): void {
    const channel = this.#channelOf(payload);
    if (channel === undefined) return;
    const request = parseChannelRequest(payload);
    if (request === undefined) return this.#violation('a malformed request');
    if (request.wantReply) this.#answer(channelFailure(channel.client));
  }

  #channelOf(payload: Buffer): JumpChannel | undefined {
    const number = recipientOf(payload);
    const channel = number === undefined ? undefined : this.#channels.get(number);
    if (channel === undefined) this.#violation('a message for no channel');
    return channel;
  }

  /** Who takes no answers asks no more: what waits for them would have no end. */
  #answer(payload: Buffer): void {
    this.#client.send(payload);
    if (this.#client.isCongested) this.#client.pause();
  }

  #violation(what: string): void {
    this.#tap.violation('client', what);
    this.end(`protocol error by the client: ${what}`);
  }
}
