/**
 * A connection through a host where we are logged in: one channel of kind direct-tcpip (RFC 4254 §7.2), as a stream that a
 * leg of its own runs over. The host in between carries bytes and sees none of them in the clear.
 */
import { Duplex } from 'node:stream';
import { cleanText } from '../../protocol/clean.ts';
import type { Ending, Transport, TransportListener } from '../engine/transport.ts';
import {
  channelClose,
  channelData,
  channelEof,
  channelFailure,
  dataIn,
  openDirect,
  openFailure,
  parseChannelOpen,
  parseChannelRequest,
  parseConfirmation,
  parseGlobalRequest,
  parseOpenFailure,
  recipientOf,
  requestFailure,
  windowAdjust,
} from '../messages/connection.ts';
import { bye, msg, notOpened } from '../messages/numbers.ts';

/** The only channel there is. */
const ours = 0;
/** What may wait here at most. */
const windowBytes = 2 * 1024 * 1024;
const maxPacketBytes = 32_768;
const maxWindow = 2 ** 32 - 1;

/** The leg to the host in between, as far as it is needed here. */
type Carrier = Pick<Transport, 'send' | 'disconnect' | 'isCongested'>;

export class Tunnel extends Duplex {
  /** Of the leg that carries the channel. */
  readonly listener: TransportListener = {
    ready: () => {},
    message: payload => this.#message(payload),
    drained: () => this.#flush(),
    closed: ({ text }: Ending) => this.#over(text),
  };
  readonly #transport: Carrier;
  readonly #address: { readonly host: string; readonly port: number };
  readonly #opened = Promise.withResolvers<void>();
  #theirs: number | undefined;
  /** How much may still be sent, and how much of it in one message. */
  #room = 0;
  #maxPacket = 0;
  /** How much may still come, and how much of what came was taken. */
  #granted = windowBytes;
  #taken = 0;
  #unsent: { readonly chunk: Buffer; readonly sent: (error?: Error | null) => void } | undefined;
  /** Nothing comes any more; and nothing goes. */
  #hasEnded = false;
  #isClosed = false;

  constructor(transport: Carrier, host: string, port: number) {
    super();
    this.#transport = transport;
    this.#address = { host, port };
    this.#opened.promise.catch(() => {}); // whoever waits hears of it
    transport.send(openDirect(ours, windowBytes, maxPacketBytes, host, port));
  }

  /** Settles when the channel is open; rejects with the reason for the log if it never is. */
  async opened(): Promise<void> {
    await this.#opened.promise;
  }

  /** Of a socket; here the connection of the host in between has its own. */
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  override _read(): void {
    if (this.#theirs === undefined || this.#taken < windowBytes / 2) return;
    this.#transport.send(windowAdjust(this.#theirs, this.#taken));
    this.#granted += this.#taken;
    this.#taken = 0;
  }

  override _write(chunk: Buffer, _encoding: string, sent: (error?: Error | null) => void): void {
    this.#write(chunk, sent);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], sent: (error?: Error | null) => void): void {
    this.#write(Buffer.concat(chunks.map(({ chunk }) => chunk)), sent);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#theirs !== undefined) this.#transport.send(channelEof(this.#theirs));
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#isClosed = true;
    this.#opened.reject(error ?? new Error('given up'));
    if (this.#theirs !== undefined) this.#transport.send(channelClose(this.#theirs));
    this.#transport.disconnect(bye.byApplication, 'done');
    done(error);
  }

  #write(chunk: Buffer, sent: (error?: Error | null) => void): void {
    this.#unsent = { chunk, sent };
    this.#flush();
  }

  #message(payload: Buffer): void {
    if (this.#isClosed) return;
    switch (payload[0] ?? 0) {
      case msg.channelOpenConfirmation:
        return this.#confirmed(payload);
      case msg.channelOpenFailure:
        return this.#refused(payload);
      case msg.channelData:
        return this.#receive(payload);
      case msg.channelWindowAdjust:
        return this.#adjusted(payload);
      case msg.channelEof:
        return this.#isOurs(payload) && !this.#hasEnded ? this.#end() : this.#violation();
      case msg.channelClose:
        return this.#isOurs(payload) ? this.#over('it closed the channel') : this.#violation();
      case msg.globalRequest:
        if (parseGlobalRequest(payload)?.wantReply === true) this.#reply(requestFailure);
        return;
      case msg.channelOpen:
        return this.#refuseOpen(payload);
      case msg.channelRequest:
        if (!this.#isOurs(payload) || this.#theirs === undefined) return this.#violation();
        if (parseChannelRequest(payload)?.wantReply === true) this.#reply(channelFailure(this.#theirs));
        return;
      default:
        return this.#violation();
    }
  }

  #confirmed(payload: Buffer): void {
    const confirmation = parseConfirmation(payload);
    if (confirmation?.recipient !== ours || this.#theirs !== undefined || confirmation.maxPacket === 0)
      return this.#violation();
    this.#theirs = confirmation.sender;
    this.#room = confirmation.window;
    this.#maxPacket = Math.min(confirmation.maxPacket, maxPacketBytes);
    this.#opened.resolve();
    this.#flush();
  }

  #refused(payload: Buffer): void {
    const failure = parseOpenFailure(payload);
    if (failure?.recipient !== ours || this.#theirs !== undefined) return this.#violation();
    const { host, port } = this.#address;
    this.destroy(new Error(`no connection to ${host}:${port} from there: ${cleanText(failure.text, 120)}`));
  }

  #receive(payload: Buffer): void {
    const data = this.#isOurs(payload) ? dataIn(payload) : undefined;
    if (data === undefined || this.#hasEnded || data.length > this.#granted) return this.#violation();
    this.#granted -= data.length;
    this.#taken += data.length;
    this.push(data);
  }

  #adjusted(payload: Buffer): void {
    const more = this.#isOurs(payload) && payload.length === 9 ? payload.readUInt32BE(5) : undefined;
    if (more === undefined || this.#room + more > maxWindow) return this.#violation();
    this.#room += more;
    this.#flush();
  }

  /** Sends as much of what waits as the channel and the leg take. */
  #flush(): void {
    while (this.#unsent !== undefined) {
      const { chunk, sent } = this.#unsent;
      if (this.#isClosed) {
        this.#unsent = undefined;
        return sent(); // nobody is there to take it
      }
      if (this.#theirs === undefined) return;
      const length = Math.min(chunk.length, this.#room, this.#maxPacket);
      if ((length === 0 && chunk.length > 0) || this.#transport.isCongested) return;
      const rest = chunk.subarray(length);
      this.#unsent = rest.length > 0 ? { chunk: rest, sent } : undefined;
      this.#room -= length;
      if (length > 0) this.#transport.send(channelData(this.#theirs, chunk.subarray(0, length)));
      if (rest.length === 0) sent();
    }
  }

  #refuseOpen(payload: Buffer): void {
    const open = parseChannelOpen(payload);
    if (open === undefined) return this.#violation();
    this.#reply(openFailure(open.sender, notOpened.prohibited, 'nothing is opened towards the proxy'));
  }

  /** Who takes no answers is not to ask. */
  #reply(payload: Buffer): void {
    if (this.#transport.isCongested) return this.#violation();
    this.#transport.send(payload);
  }

  #isOurs(payload: Buffer): boolean {
    return this.#theirs !== undefined && recipientOf(payload) === ours;
  }

  #violation(): void {
    this.destroy(new Error('the host in between broke the protocol'));
  }

  /** What came is still to be read. */
  #over(why: string): void {
    this.#opened.reject(new Error(`the host in between: ${cleanText(why, 120)}`));
    this.#isClosed = true;
    if (!this.#hasEnded) this.#end();
    this.#flush();
  }

  #end(): void {
    this.#hasEnded = true;
    this.push(null);
  }
}
