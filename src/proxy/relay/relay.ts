/**
 * Between a client and the host where it is logged in: messages 80 to 100 (RFC 4254) pass as they came, both sides keep
 * their own numbers for channels, and windows are kept from end to end. What is asked for passes only if {@link verdictOn}
 * says so.
 *
 * Each side reads no faster than the other takes.
 */
import type { Grant } from '../../policy/grant.ts';
import { cleanText } from '../../protocol/clean.ts';
import type { Ending } from '../engine/transport.ts';
import {
  channelFailure,
  openFailure,
  parseChannelOpen,
  parseChannelRequest,
  parseConfirmation,
  parseGlobalRequest,
  recipientOf,
  requestFailure,
  withMaxPacket,
} from '../messages/connection.ts';
import { bye, msg, notOpened } from '../messages/numbers.ts';
import { type Ask, type Side, verdictOn } from './allowed.ts';
import { type Channel, Channels } from './channels.ts';
import { Replies } from './replies.ts';
import type { SessionTap } from './tap.ts';

/** A transport, as far as it is needed here. */
export interface Leg {
  readonly isCongested: boolean;
  send(payload: Buffer): void;
  pause(): void;
  resume(): void;
  disconnect(reason: number, text: string): void;
}

/** The largest message that ssh2 takes (35 000 bytes) holds this much data. */
export const largestPacket = 32_768;

export class Relay {
  readonly #legs: Readonly<Record<Side, Leg>>;
  readonly #channels: Channels;
  /** To the side that asked. */
  readonly #globalReplies: Readonly<Record<Side, Replies>>;
  readonly #tap: SessionTap;
  readonly #grant: Grant;
  #isOver = false;

  constructor(client: Leg, host: Leg, tap: SessionTap, grant: Grant) {
    this.#grant = grant;
    this.#legs = { client, host };
    this.#channels = new Channels((side, channel) => this.#refuseRequest(side, channel));
    this.#globalReplies = {
      client: new Replies(() => client.send(requestFailure)),
      host: new Replies(() => host.send(requestFailure)),
    };
    this.#tap = tap;
  }

  /** A message from that side. @returns `passed`: nothing of it is kept */
  message(from: Side, payload: Buffer): 'passed' | void {
    if (this.#isOver) return;
    switch (payload[0] ?? 0) {
      case msg.globalRequest:
        return this.#global(from, payload);
      case msg.requestSuccess:
      case msg.requestFailure:
        return this.#globalReply(from, payload);
      case msg.channelOpen:
        return this.#open(from, payload);
      case msg.channelOpenConfirmation:
        return this.#opened(from, payload);
      case msg.channelOpenFailure:
        return this.#notOpened(from, payload);
      case msg.channelRequest:
        return this.#request(from, payload);
      case msg.channelSuccess:
      case msg.channelFailure:
        return this.#reply(from, payload);
      case msg.channelData:
      case msg.channelExtendedData:
        this.#data(from, payload);
        return 'passed'; // a leg seals a copy, and a tap keeps no view
      case msg.channelWindowAdjust:
      case msg.channelEof:
        if (this.#channelOf(from, payload) !== undefined) this.#pass(from, payload);
        return;
      case msg.channelClose:
        return this.#close(from, payload);
      default:
        return this.#violation(from, `message ${payload[0] ?? 0}`);
    }
  }

  /** The leg to that side takes more again. */
  drained(side: Side): void {
    if (this.#isOver || (side === 'client' && this.#tap.isCongested)) return;
    this.#legs[other(side)].resume();
  }

  /** The tap is not behind any more. */
  tapDrained(): void {
    if (!this.#isOver && !this.#legs.client.isCongested) this.#legs.host.resume();
  }

  /** The leg to that side has ended; the other is told why. */
  ended(side: Side, { text }: Ending): void {
    if (this.#isOver) return;
    this.end(side === 'host' ? `the host closed the connection: ${cleanText(text, 120)}` : 'the client is gone');
  }

  end(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#legs.client.disconnect(bye.byApplication, why);
    this.#legs.host.disconnect(bye.byApplication, why);
  }

  #pass(from: Side, payload: Buffer): void {
    const to = this.#legs[other(from)];
    to.send(payload);
    if (to.isCongested) this.#legs[from].pause();
  }

  #global(from: Side, payload: Buffer): void {
    const request = parseGlobalRequest(payload);
    if (request === undefined) return this.#violation(from, 'a malformed request');
    const replies = this.#globalReplies[from];
    if (!this.#allows({ kind: 'global', from, type: request.type })) {
      if (request.wantReply && !replies.refused()) this.#violation(from, 'too many requests');
      return;
    }
    if (request.wantReply && !replies.passed()) return this.#violation(from, 'too many requests');
    this.#pass(from, payload);
  }

  /** To what the other side has asked. */
  #globalReply(from: Side, payload: Buffer): void {
    const replies = this.#globalReplies[other(from)];
    if (!replies.arrived()) return this.#violation(from, 'a reply to no request');
    this.#pass(from, payload);
    replies.flush();
  }

  #open(from: Side, payload: Buffer): void {
    const open = parseChannelOpen(payload);
    if (open === undefined) return this.#violation(from, 'a malformed channel');
    const refuse = (reason: number, why: string): void => this.#legs[from].send(openFailure(open.sender, reason, why));
    if (!this.#allows({ kind: 'open', from, type: open.type }))
      return refuse(notOpened.prohibited, 'the proxy does not permit this kind of channel');
    switch (this.#channels.open(open.sender)) {
      case 'taken':
        return this.#violation(from, 'a channel with the number of another');
      case 'full':
        return refuse(notOpened.shortage, 'too many channels');
      case 'opened':
        return this.#pass(from, withMaxPacket(payload, 1 + 4 + open.type.length + 8, largestPacket));
    }
  }

  #opened(from: Side, payload: Buffer): void {
    const confirmation = from === 'host' ? parseConfirmation(payload) : undefined;
    const channel = confirmation && this.#channels.confirm(confirmation.recipient, confirmation.sender);
    if (channel === undefined) return this.#violation(from, 'a channel that was not asked for');
    this.#pass(from, withMaxPacket(payload, 13, largestPacket));
  }

  #notOpened(from: Side, payload: Buffer): void {
    const number = from === 'host' ? recipientOf(payload) : undefined;
    if (number === undefined || !this.#channels.refuse(number))
      return this.#violation(from, 'a channel that was not asked for');
    this.#pass(from, payload);
  }

  #request(from: Side, payload: Buffer): void {
    const channel = this.#channelOf(from, payload);
    if (channel === undefined) return;
    const request = parseChannelRequest(payload);
    if (request === undefined) return this.#violation(from, 'a malformed request');
    const { type, wantReply, data } = request;
    const hasName = type === 'env' || type === 'subsystem';
    const name = hasName ? data.string().toString('latin1') : '';
    const replies = channel.replies[from];
    if (!this.#allows({ kind: 'request', from, type, ...(hasName && { name }) })) {
      if (wantReply && !replies.refused()) this.#violation(from, 'too many requests');
      return;
    }
    if (wantReply && !replies.passed()) return this.#violation(from, 'too many requests');
    if (from === 'client') this.#tap.request(channel.client, payload);
    else this.#tap.ending(channel.client, payload);
    this.#pass(from, payload);
  }

  #reply(from: Side, payload: Buffer): void {
    const channel = this.#channelOf(from, payload);
    if (channel === undefined) return;
    const replies = channel.replies[other(from)];
    if (!replies.arrived()) return this.#violation(from, 'a reply to no request');
    this.#pass(from, payload);
    replies.flush();
  }

  #data(from: Side, payload: Buffer): void {
    const channel = this.#channelOf(from, payload);
    if (channel === undefined) return;
    if (from === 'host') {
      this.#tap.output(channel.client, payload);
      if (this.#tap.isCongested) this.#legs.host.pause();
    }
    this.#pass(from, payload);
  }

  #close(from: Side, payload: Buffer): void {
    const channel = this.#channelOf(from, payload);
    if (channel === undefined) return;
    this.#pass(from, payload);
    if (this.#channels.close(from, channel)) this.#tap.closed(channel.client);
  }

  #channelOf(from: Side, payload: Buffer): Channel | undefined {
    const number = recipientOf(payload);
    const channel = number === undefined ? undefined : this.#channels.addressed(from, number);
    if (channel === undefined) this.#violation(from, 'a message for no channel');
    return channel?.closed[from] === true ? undefined : channel; // who has closed has nothing more to say
  }

  #refuseRequest(side: Side, channel: Channel): void {
    const number = side === 'client' ? channel.client : channel.host;
    if (number !== undefined) this.#legs[side].send(channelFailure(number));
  }

  #allows(ask: Ask): boolean {
    const verdict = verdictOn(ask, this.#grant);
    if (verdict === 'refuse') this.#tap.refused(ask);
    return verdict === 'pass';
  }

  #violation(from: Side, what: string): void {
    this.#tap.violation(from, what);
    this.end(`protocol error by the ${from}: ${what}`);
  }
}

function other(side: Side): Side {
  return side === 'client' ? 'host' : 'client';
}
