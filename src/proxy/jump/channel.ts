/** One connection of a jump: a channel of the client on one side, a socket on the other, and no side faster than the other takes. */
import type { Socket } from 'node:net';
import { channelClose, channelData, channelEof, windowAdjust } from '../messages/connection.ts';
import type { OpenedChannel } from '../relay/tap.ts';

/** What the client may send ahead of what the host has taken. */
export const ourWindow = 2 * 1024 * 1024;
/** So much is taken before the client hears of it. */
const adjustBytes = ourWindow / 4;
/** What the host has not taken by then, after the client has closed, it never gets. */
const lingerMs = 10_000;
const maxWindow = 0xffff_ffff;

export interface JumpLeg {
  readonly isCongested: boolean;
  send(payload: Buffer): void;
}

export interface JumpChannelEvents {
  /** So many more bytes wait for the host, or, if negative, less. */
  readonly waiting: (bytes: number) => void;
  /** Both sides have closed it. */
  readonly over: () => void;
}

export interface ClientSide {
  readonly number: number;
  readonly window: number;
  readonly maxPacket: number;
}

export class JumpChannel {
  readonly #socket: Socket;
  readonly #leg: JumpLeg;
  readonly #events: JumpChannelEvents;
  readonly #facts: OpenedChannel;
  /** The client's number. */
  readonly client: number;
  readonly #maxPacket: number;
  /** What the client takes. */
  #clientWindow: number;
  /** What we take. */
  #window = ourWindow;
  #taken = 0;
  /** Read, and not sent yet. */
  #held: Buffer = Buffer.alloc(0);
  #hostEnded = false;
  #hostClosed = false;
  #eofSent = false;
  #closeSent = false;
  #clientEnded = false;
  #clientClosed = false;

  constructor(
    socket: Socket,
    leg: JumpLeg,
    facts: OpenedChannel,
    { number, window, maxPacket }: ClientSide,
    events: JumpChannelEvents,
  ) {
    this.#socket = socket;
    this.#leg = leg;
    this.#facts = facts;
    this.client = number;
    this.#clientWindow = window;
    this.#maxPacket = maxPacket;
    this.#events = events;
    socket.on('data', (chunk: Buffer) => {
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
      this.#forward();
    });
  }

  /** Data from the client. False: more than its window. */
  data(bytes: Buffer): boolean {
    this.#window -= bytes.length;
    if (this.#window < 0) return false;
    if (this.#clientEnded || this.#closeSent) return true; // nobody is left to take it
    this.#facts.bytes.client += bytes.length;
    this.#events.waiting(bytes.length);
    this.#socket.write(bytes, () => {
      this.#events.waiting(-bytes.length);
      this.#adjust(bytes.length);
    });
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
    if (this.#clientClosed) return;
    this.#clientClosed = true;
    this.#held = Buffer.alloc(0);
    this.#sendClose();
    this.#socket.resume(); // to see its end
    this.#socket.destroySoon();
    setTimeout(() => this.#socket.destroy(), lingerMs).unref();
    this.#events.over();
  }

  /** The leg takes more again. */
  drained(): void {
    this.#forward();
  }

  destroy(): void {
    this.#closeSent = true;
    this.#socket.destroy();
  }

  /** What the host has said, as far as the client takes it; then its end. */
  #forward(): void {
    if (this.#closeSent) return;
    let sent = 0;
    while (sent < this.#held.length && this.#clientWindow > 0 && !this.#leg.isCongested) {
      const part = this.#held.subarray(sent, sent + Math.min(this.#clientWindow, this.#maxPacket));
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
    if (this.#taken < adjustBytes || this.#clientEnded || this.#closeSent) return;
    this.#leg.send(windowAdjust(this.client, this.#taken));
    this.#window += this.#taken;
    this.#taken = 0;
  }

  #sendEof(): void {
    if (this.#eofSent) return;
    this.#eofSent = true;
    this.#leg.send(channelEof(this.client));
  }

  #sendClose(): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    this.#leg.send(channelClose(this.client));
  }
}
