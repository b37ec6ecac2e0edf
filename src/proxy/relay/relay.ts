/**
 * Between a client and the host where it is logged in: messages 80 to 100 (RFC 4254) pass as they came, both sides keep
 * their own numbers for channels, and windows are kept from end to end. What is asked for passes only if {@link verdictOn}
 * says so.
 *
 * Each side reads no faster than the other takes.
 */
import type { Grant } from '../../policy/grant.ts';
import { exitStatus } from '../../policy/refusals.ts';
import { cleanText } from '../../protocol/clean.ts';
import type { Ending } from '../engine/transport.ts';
import {
  channelClose,
  channelEof,
  channelFailure,
  channelSuccess,
  exitStatusRequest,
  openFailure,
  openFailureText,
  parseChannelOpen,
  parseChannelRequest,
  parseConfirmation,
  parseGlobalRequest,
  recipientOf,
  requestFailure,
  standardError,
  withMaxPacket,
} from '../messages/connection.ts';
import { bye, msg, notOpened } from '../messages/numbers.ts';
import { Agreed } from './agreed.ts';
import { type Ask, other, type Refusal, type Side, type Verdict, verdictOn } from './allowed.ts';
import { type Channel, Channels, type OpenChannel } from './channels.ts';
import { Limits } from './limits.ts';
import { readPlace } from './places.ts';
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
  readonly #agreed = new Agreed();
  readonly #limits: Limits;
  #isOver = false;

  constructor(client: Leg, host: Leg, tap: SessionTap, grant: Grant) {
    this.#limits = new Limits(
      grant,
      () => performance.now(),
      why => this.end(why),
    );
    this.#grant = grant;
    this.#legs = { client, host };
    this.#channels = new Channels((side, channel) => this.#refuseRequest(side, channel));
    this.#globalReplies = {
      client: new Replies(() => this.#answer('client', requestFailure)),
      host: new Replies(() => this.#answer('host', requestFailure)),
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
    if (this.#isOver || this.#tap.isCongested) return;
    this.#legs[other(side)].resume();
    if (!this.#legs[other(side)].isCongested) this.#legs[side].resume(); // see #answer
  }

  /** The tap is not behind any more. */
  tapDrained(): void {
    if (this.#isOver) return;
    if (!this.#legs.client.isCongested) this.#legs.host.resume();
    if (!this.#legs.host.isCongested) this.#legs.client.resume();
  }

  /** The leg to that side has ended; the other is told why. */
  ended(side: Side, { text }: Ending): void {
    if (this.#isOver) return;
    this.#finish(side === 'host' ? `the host closed the connection: ${cleanText(text, 120)}` : 'the client is gone');
  }

  /** Says why on every terminal, and by the way of a disconnect. */
  end(why: string): void {
    if (this.#isOver) return;
    for (const { client } of this.#channels.used()) this.#legs.client.send(standardError(client, `\r\n${why}\r\n`));
    this.#finish(why);
  }

  #finish(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#limits.stop();
    this.#legs.client.disconnect(bye.byApplication, why);
    this.#legs.host.disconnect(bye.byApplication, why);
  }

  #pass(from: Side, payload: Buffer): void {
    if (this.#isOver) return; // the tap has ended it
    const to = this.#legs[other(from)];
    to.send(payload);
    if (to.isCongested) this.#legs[from].pause();
  }

  /** Says something of our own. Who takes no answers asks no more: what waits for them would have no end. */
  #answer(to: Side, payload: Buffer): void {
    const leg = this.#legs[to];
    leg.send(payload);
    if (leg.isCongested) leg.pause();
  }

  #global(from: Side, payload: Buffer): void {
    const request = parseGlobalRequest(payload);
    const place = request && readPlace(request.type, request.data);
    if (request === undefined || request.data.isBroken) return this.#violation(from, 'a malformed request');
    const ask: Ask = { kind: 'global', from, type: request.type, ...(place !== undefined && { place }) };
    if (this.#admits(ask, request.wantReply, this.#globalReplies[from])) this.#pass(from, payload);
  }

  /** To what the other side has asked. */
  #globalReply(from: Side, payload: Buffer): void {
    const replies = this.#globalReplies[other(from)];
    if (!replies.arrived(payload)) return this.#violation(from, 'a reply to no request');
    this.#pass(from, payload);
    replies.flush();
  }

  #open(from: Side, payload: Buffer): void {
    const open = parseChannelOpen(payload);
    const place = open && readPlace(open.type, open.data);
    if (open === undefined || open.data.isBroken) return this.#violation(from, 'a malformed channel');
    const { type, sender, window } = open;
    const refuse = (reason: number, why: string): void => this.#answer(from, openFailure(sender, reason, why));
    const ask: Ask = { kind: 'open', from, type, ...(place !== undefined && { place }) };
    const verdict = this.#judge(ask);
    if (verdict !== 'pass') return refuse(notOpened.prohibited, verdict === 'drop' ? '' : verdict.refused);
    switch (this.#channels.open(from, sender, { type, place, window })) {
      case 'taken':
        return this.#violation(from, 'a channel with the number of another');
      case 'full':
        this.#tap.refused(ask, 'too many channels');
        return refuse(notOpened.shortage, 'too many channels');
      case 'opened':
        if (type === 'x11') this.#agreed.x11Opened();
        return this.#pass(from, withMaxPacket(payload, 1 + 4 + type.length + 8, largestPacket));
    }
  }

  #opened(from: Side, payload: Buffer): void {
    const confirmation = parseConfirmation(payload);
    const channel = confirmation && this.#channels.confirm(from, confirmation.recipient, confirmation.sender);
    if (channel === undefined) return this.#violation(from, 'a channel that was not asked for');
    this.#tap.opened(channel);
    this.#pass(from, withMaxPacket(payload, 13, largestPacket));
  }

  #notOpened(from: Side, payload: Buffer): void {
    const number = recipientOf(payload);
    const channel = number === undefined ? undefined : this.#channels.refuse(from, number);
    if (channel === undefined) return this.#violation(from, 'a channel that was not asked for');
    this.#tap.notOpened(channel, openFailureText(payload));
    this.#pass(from, payload);
  }

  #request(from: Side, payload: Buffer): void {
    const channel = this.#channelOf(from, payload);
    if (channel === undefined) return;
    const request = parseChannelRequest(payload);
    if (request === undefined) return this.#violation(from, 'a malformed request');
    const { type, wantReply, data } = request;
    const hasName = type === 'env' || type === 'subsystem' || type === 'exec';
    const ask: Ask = {
      kind: 'request',
      from,
      type,
      on: channel.type,
      ...(hasName && { name: data.string().toString(type === 'exec' ? 'utf8' : 'latin1') }),
      ...(type === 'x11-req' && { isOnce: data.boolean() }),
    };
    if (!this.#admits(ask, wantReply, channel.replies[from], channel)) return;
    if (from === 'client' && ['shell', 'exec', 'subsystem'].includes(type)) channel.isUsed = true;
    if (from === 'client') this.#tap.request(channel.client, payload);
    else this.#tap.ending(channel.client, payload);
    this.#pass(from, payload);
  }

  /** Whether a request passes. Its reply is waited for then, and otherwise given. */
  #admits(ask: Ask, wantReply: boolean, replies: Replies, channel?: OpenChannel): boolean {
    const verdict = this.#judge(ask);
    const isPassed = verdict === 'pass';
    const settle = isPassed ? this.#agreed.whenAgreed(ask) : undefined;
    const answer = channel && typeof verdict === 'object' ? this.#answerTo(verdict, channel, wantReply) : undefined;
    if (!wantReply) settle?.(undefined);
    if (!wantReply && answer === undefined) return isPassed;
    if (isPassed ? replies.passed(settle) : replies.refused(answer)) return isPassed;
    this.#violation(ask.from, 'too many requests');
    return false;
  }

  /** What is done instead of sending a refusal, if it is to be told. */
  #answerTo({ refused, isTold = false }: Refusal, channel: OpenChannel, wantReply: boolean): (() => void) | undefined {
    const text = `${refused}\r\n`;
    if (!isTold || channel.isUsed || text.length > channel.window) return undefined;
    return () => this.#turnAway(channel, text, wantReply);
  }

  #reply(from: Side, payload: Buffer): void {
    const channel = this.#channelOf(from, payload);
    if (channel === undefined) return;
    const replies = channel.replies[other(from)];
    if (!replies.arrived(payload)) return this.#violation(from, 'a reply to no request');
    if (from === 'host' && channel.type === 'session')
      this.#tap.answered(channel.client, payload[0] === msg.channelSuccess);
    this.#pass(from, payload);
    replies.flush();
  }

  #data(from: Side, payload: Buffer): void {
    const channel = this.#channelOf(from, payload);
    if (channel === undefined) return;
    this.#limits.moved();
    channel.bytes[from] += payload.length - (payload[0] === msg.channelData ? 9 : 13);
    if (channel.type === 'session') {
      if (from === 'host') this.#tap.output(channel.client, payload);
      else this.#tap.input(channel.client, payload);
      if (this.#tap.isCongested) this.#legs[from].pause();
    }
    this.#pass(from, payload);
  }

  #close(from: Side, payload: Buffer): void {
    const channel = this.#channelOf(from, payload);
    if (channel === undefined) return;
    if (!channel.isEnded) this.#pass(from, payload);
    if (this.#channels.close(from, channel)) this.#tap.closed(channel.client);
  }

  #channelOf(from: Side, payload: Buffer): OpenChannel | undefined {
    const number = recipientOf(payload);
    const channel = number === undefined ? undefined : this.#channels.addressed(from, number);
    if (channel === undefined) this.#violation(from, 'a message for no channel');
    if (channel === undefined || channel.closed[from]) return undefined; // who has closed has nothing more to say
    return channel.isEnded && payload[0] !== msg.channelClose ? undefined : channel;
  }

  /** Ends a channel as a program would that has only this to say: a client shows that, and of a failure it shows none. */
  #turnAway(channel: OpenChannel, text: string, wantsReply: boolean): void {
    const { client, host } = channel;
    if (channel.isEnded || channel.closed.client || channel.closed.host) return;
    channel.isEnded = true;
    const messages = [
      ...(wantsReply ? [channelSuccess(client)] : []),
      standardError(client, text),
      exitStatusRequest(client, exitStatus.noPermission),
      channelEof(client),
      channelClose(client),
    ];
    for (const message of messages) this.#answer('client', message);
    this.#legs.host.send(channelClose(host));
  }

  #refuseRequest(side: Side, channel: Channel): void {
    const number = channel[side];
    if (number !== undefined) this.#answer(side, channelFailure(number));
  }

  #judge(ask: Ask): Verdict {
    const verdict = verdictOn(ask, this.#grant, this.#agreed);
    if (typeof verdict === 'object') this.#tap.refused(ask, verdict.refused);
    return verdict;
  }

  #violation(from: Side, what: string): void {
    this.#tap.violation(from, what);
    this.#finish(`protocol error by the ${from}: ${what}`);
  }
}
