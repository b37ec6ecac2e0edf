/** One connection of a jump: a channel of the client on one side, a socket on the other, and no side faster than the other takes. */
import type { Socket } from 'node:net';
import type { Grant } from '../../policy/grant.ts';
import { channelClose, channelData, channelEof, windowAdjust } from '../messages/connection.ts';
import { Limits } from '../relay/limits.ts';
import type { OpenedChannel } from '../relay/tap.ts';

/** What the host has not taken by then, after the client has closed, it never gets. */
const lingerMs = 10_000;
const maxWindow = 0xffff_ffff;

export interface JumpLeg {
  readonly isCongested: boolean;
  send(payload: Buffer): void;
}

export interface JumpChannelEvents {
  /** Both sides have closed it: their numbers are free. @param why if it was a limit */
  readonly closed: (why: string | undefined) => void;
  /** The connection is no more, and nothing waits for it. */
  readonly gone: () => void;
}

/** What was agreed on when it was opened. */
export interface JumpTerms extends Pick<Grant, 'idleMs' | 'sessionMs'> {
  /** The client's number. */
  readonly number: number;
  /** What the client takes. */
  readonly window: number;
  readonly maxPacket: number;
  /** What the client may send ahead of what the host has taken. */
  readonly ourWindow: number;
  /** When the client logged in, by `performance`. */
  readonly since: number;
}

export class JumpChannel {
  readonly #socket: Socket;
  readonly #leg: JumpLeg;
  readonly #events: JumpChannelEvents;
  readonly #facts: OpenedChannel;
  readonly #terms: JumpTerms;
  readonly #limits: Limits;
  #endedBy: string | undefined;
  /** What the client takes now, and what we take. */
  #clientWindow: number;
  #window: number;
  /** What the host has taken, and the client has not heard of. */
  #taken = 0;
  /** Read, and not sent yet. */
  #held: Buffer = Buffer.alloc(0);
  #hostEnded = false;
  #hostClosed = false;
  #eofSent = false;
  #closeSent = false;
  #clientEnded = false;

  constructor(socket: Socket, leg: JumpLeg, facts: OpenedChannel, terms: JumpTerms, events: JumpChannelEvents) {
    this.#socket = socket;
    this.#leg = leg;
    this.#facts = facts;
    this.#terms = terms;
    this.#clientWindow = terms.window;
    this.#window = terms.ourWindow;
    this.#events = events;
    this.#limits = new Limits(
      terms,
      () => performance.now(),
      why => this.#expire(why),
      terms.since,
    );
    socket.on('data', (chunk: Buffer) => {
      this.#limits.moved();
      this.#held = chunk; // none comes while some is held
      this.#forward();
    });
    socket.on('end', () => {
      this.#hostEnded = true;
      this.#forward();
    });
    socket.on('close', () => {
      this.#hostEnded = true;
      this.#hostClosed = true;
      this.#limits.stop();
      this.#forward();
      events.gone();
    });
  }

  /** The client's number. */
  get client(): number {
    return this.#terms.number;
  }

  /** Data from the client. False: more than its window. */
  data(bytes: Buffer): boolean {
    this.#window -= bytes.length;
    if (this.#window < 0) return false;
    if (this.#clientEnded || this.#closeSent) return true; // nobody is left to take it
    this.#limits.moved();
    this.#facts.bytes.client += bytes.length;
    this.#socket.write(bytes, () => this.#adjust(bytes.length));
    return true;
  }

  /** False: more than a window can be. */
  adjusted(bytes: number): boolean {
    this.#clientWindow += bytes;
    if (this.#clientWindow > maxWindow) return false;
    this.#forward();
    return true;
  }

  eof(): void {
    this.#clientEnded = true;
    this.#socket.end();
  }

  close(): void {
    this.#held = Buffer.alloc(0);
    this.#sendClose();
    this.#socket.resume(); // to see its end
    this.#socket.destroySoon();
    const linger = setTimeout(() => this.#socket.destroy(), lingerMs).unref();
    this.#socket.once('close', () => clearTimeout(linger));
    this.#events.closed(this.#endedBy);
  }

  /** The leg takes more again. */
  drained(): void {
    this.#forward();
  }

  destroy(): void {
    this.#closeSent = true;
    this.#socket.destroy();
  }

  /** There is no way to say it: what passes is between the client and the host. */
  #expire(why: string): void {
    this.#endedBy = why;
    this.#sendEof();
    this.#sendClose();
    this.#socket.destroy();
  }

  /** What the host has said, as far as the client takes it; then its end. */
  #forward(): void {
    if (this.#closeSent) return;
    let sent = 0;
    while (sent < this.#held.length && this.#clientWindow > 0 && !this.#leg.isCongested) {
      const part = this.#held.subarray(sent, sent + Math.min(this.#clientWindow, this.#terms.maxPacket));
      this.#leg.send(channelData(this.client, part));
      this.#clientWindow -= part.length;
      sent += part.length;
    }
    this.#held = this.#held.subarray(sent);
    this.#facts.bytes.host += sent;
    if (this.#held.length > 0) this.#socket.pause();
    else {
      this.#socket.resume();
      if (this.#hostEnded) this.#sendEof();
      if (this.#hostClosed) this.#sendClose();
    }
  }

  #adjust(taken: number): void {
    this.#taken += taken;
    if (this.#taken < this.#terms.ourWindow / 4 || this.#clientEnded || this.#closeSent) return;
    this.#leg.send(windowAdjust(this.client, this.#taken));
    this.#window += this.#taken;
    this.#taken = 0;
  }

  #sendEof(): void {
    if (this.#eofSent || this.#closeSent) return; // behind a close the number may be another channel's
    this.#eofSent = true;
    this.#leg.send(channelEof(this.client));
  }

  #sendClose(): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    this.#leg.send(channelClose(this.client));
  }
}
