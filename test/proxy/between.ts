/** A relay between two sides that a test plays, without a network, and the messages that they say. */
import { type Forwarding, type Grant, usualGrant } from '../../src/policy/grant.ts';
import type { Ask } from '../../src/proxy/relay/allowed.ts';
import { type Leg, Relay } from '../../src/proxy/relay/relay.ts';
import type { SessionTap } from '../../src/proxy/relay/tap.ts';
import { byte, string, uint32 } from '../../src/ssh/wire.ts';

export const data = (recipient: number, text: string): Buffer =>
  Buffer.concat([byte(94), uint32(recipient), string(text)]);
export const extended = (recipient: number, text: string): Buffer =>
  Buffer.concat([byte(95), uint32(recipient), uint32(1), string(text)]);
export const adjust = (recipient: number): Buffer => Buffer.concat([byte(93), uint32(recipient), uint32(100)]);
export const eof = (recipient: number): Buffer => Buffer.concat([byte(96), uint32(recipient)]);
export const close = (recipient: number): Buffer => Buffer.concat([byte(97), uint32(recipient)]);
export const success = (recipient: number): Buffer => Buffer.concat([byte(99), uint32(recipient)]);
export const failure = (recipient: number): Buffer => Buffer.concat([byte(100), uint32(recipient)]);

/** Number, recipient and reason of a message that opens no channel. */
export const refusal = (payload: Buffer | undefined): number[] =>
  payload === undefined ? [] : [payload[0] ?? 0, payload.readUInt32BE(1), payload.readUInt32BE(5)];

export class FakeLeg implements Leg {
  readonly sent: Buffer[] = [];
  isCongested = false;
  isPaused = false;
  ended: string | undefined;

  send(payload: Buffer): void {
    this.sent.push(payload);
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  disconnect(_reason: number, text: string): void {
    this.ended = text;
  }
}

/** The usual grant, and this forwarding. */
export function granting(forwarding: Partial<Forwarding>, record = false): Grant {
  const usual = usualGrant(record);
  return { ...usual, forwarding: { ...usual.forwarding, ...forwarding } };
}

export function between(grant = usualGrant(false)) {
  const [client, host] = [new FakeLeg(), new FakeLeg()];
  const refused: (Ask & { readonly why: string })[] = [];
  const tap = { ...deafTap, refused: (ask: Ask, why: string) => refused.push({ ...ask, why }) };
  return { relay: new Relay(client, host, tap, grant), client, host, refused, tap };
}

export const deafTap: SessionTap = {
  isCongested: false,
  opened: () => {},
  notOpened: () => {},
  request: () => {},
  answered: () => {},
  input: () => {},
  output: () => {},
  ending: () => {},
  closed: () => {},
  refused: () => {},
  violation: () => {},
};

/** With a channel that is 0 to the client and 7 to the host. */
export function opened(grant?: Grant) {
  const all = between(grant);
  all.relay.message('client', open(0));
  all.relay.message('host', confirm(0, 7));
  return all;
}

export function open(sender: number, type = 'session', ...rest: Buffer[]): Buffer {
  return openBy({ sender, type, maxPacket: 32_768 }, ...rest);
}

export function openBy(
  { sender, type, maxPacket }: { readonly sender: number; readonly type: string; readonly maxPacket: number },
  ...rest: Buffer[]
): Buffer {
  return Buffer.concat([byte(90), string(type), ...[sender, 2 ** 21, maxPacket].map(uint32), ...rest]);
}

export function confirm(recipient: number, sender: number, maxPacket = 32_768): Buffer {
  return Buffer.concat([byte(91), ...[recipient, sender, 2 ** 21, maxPacket].map(uint32)]);
}

export function request(recipient: number, type: string, wantReply: number, ...rest: Buffer[]): Buffer {
  return Buffer.concat([byte(98), uint32(recipient), string(type), byte(wantReply), ...rest]);
}

export function global(type: string, wantReply: number, ...rest: Buffer[]): Buffer {
  return Buffer.concat([byte(80), string(type), byte(wantReply), ...rest]);
}
