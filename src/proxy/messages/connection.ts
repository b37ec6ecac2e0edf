/**
 * The messages of the connection protocol (RFC 4254) as far as somebody in between has to understand them: enough to
 * decide about each, and to answer for one side. What is passed on is passed on as it came.
 */
import { byte, string, uint32, WireReader } from '../../ssh/wire.ts';
import { msg } from './numbers.ts';

export interface ChannelOpen {
  readonly type: string;
  readonly sender: number;
  readonly window: number;
  readonly maxPacket: number;
  /** What follows, by type. */
  readonly data: WireReader;
}

export function parseChannelOpen(payload: Buffer): ChannelOpen | undefined {
  const reader = new WireReader(payload);
  reader.byte();
  const type = reader.string().toString('latin1');
  const [sender, window, maxPacket] = [reader.uint32(), reader.uint32(), reader.uint32()];
  return reader.isBroken ? undefined : { type, sender, window, maxPacket, data: reader };
}

export interface Confirmation {
  readonly recipient: number;
  readonly sender: number;
  readonly window: number;
  readonly maxPacket: number;
}

export function parseConfirmation(payload: Buffer): Confirmation | undefined {
  if (payload.length < 17) return undefined;
  const [recipient = 0, sender = 0, window = 0, maxPacket = 0] = [1, 5, 9, 13].map(at => payload.readUInt32BE(at));
  return { recipient, sender, window, maxPacket };
}

/** The channel that a message is about, by the number of the side that gets it; undefined if it is cut short. */
export function recipientOf(payload: Buffer): number | undefined {
  return payload.length < 5 ? undefined : payload.readUInt32BE(1);
}

export interface Request {
  readonly type: string;
  readonly wantReply: boolean;
  /** What follows, by type. */
  readonly data: WireReader;
}

export function parseChannelRequest(payload: Buffer): Request | undefined {
  const reader = new WireReader(payload);
  reader.byte();
  reader.uint32();
  const type = reader.string().toString('latin1');
  const wantReply = reader.boolean();
  return reader.isBroken ? undefined : { type, wantReply, data: reader };
}

export function parseGlobalRequest(payload: Buffer): Request | undefined {
  const reader = new WireReader(payload);
  reader.byte();
  const type = reader.string().toString('latin1');
  const wantReply = reader.boolean();
  return reader.isBroken ? undefined : { type, wantReply, data: reader };
}

export function openConfirmation(
  recipient: number,
  { sender, window, maxPacket }: Omit<ChannelOpen, 'type' | 'data'>,
): Buffer {
  return Buffer.concat([byte(msg.channelOpenConfirmation), ...[recipient, sender, window, maxPacket].map(uint32)]);
}

/** A channel to `host:port` from the other side on (RFC 4254 §7.2). */
export function openDirect(sender: number, window: number, maxPacket: number, host: string, port: number): Buffer {
  return Buffer.concat([
    byte(msg.channelOpen),
    string('direct-tcpip'),
    ...[sender, window, maxPacket].map(uint32),
    string(host),
    uint32(port),
    string('127.0.0.1'), // who has connected here: nobody that the host could know
    uint32(0),
  ]);
}

export function parseOpenFailure(payload: Buffer): { recipient: number; text: string } | undefined {
  const reader = new WireReader(payload);
  reader.byte();
  const recipient = reader.uint32();
  reader.uint32(); // reason
  const text = reader.string().toString('utf8');
  return reader.isBroken ? undefined : { recipient, text };
}

/** Undefined unless the data is all that there is. */
export function dataIn(payload: Buffer): Buffer | undefined {
  const reader = new WireReader(payload);
  reader.byte();
  reader.uint32();
  const data = reader.string();
  return reader.isWhole ? data : undefined;
}

export function openFailure(recipient: number, reason: number, text: string): Buffer {
  return Buffer.concat([byte(msg.channelOpenFailure), uint32(recipient), uint32(reason), string(text), string('')]);
}

/** What the other side says of why it does not open a channel. */
export function openFailureText(payload: Buffer): string {
  const reader = new WireReader(payload.subarray(9));
  return reader.string().toString('utf8');
}

export function windowAdjust(recipient: number, bytes: number): Buffer {
  return Buffer.concat([byte(msg.channelWindowAdjust), uint32(recipient), uint32(bytes)]);
}

export function channelData(recipient: number, data: Buffer): Buffer {
  return Buffer.concat([byte(msg.channelData), uint32(recipient), uint32(data.length), data]);
}

export function channelEof(recipient: number): Buffer {
  return Buffer.concat([byte(msg.channelEof), uint32(recipient)]);
}

export function channelClose(recipient: number): Buffer {
  return Buffer.concat([byte(msg.channelClose), uint32(recipient)]);
}

export function channelFailure(recipient: number): Buffer {
  return Buffer.concat([byte(msg.channelFailure), uint32(recipient)]);
}

export function channelSuccess(recipient: number): Buffer {
  return Buffer.concat([byte(msg.channelSuccess), uint32(recipient)]);
}

/** On the standard error of what runs there (RFC 4254 §5.2). */
export function standardError(recipient: number, text: string): Buffer {
  return Buffer.concat([byte(msg.channelExtendedData), uint32(recipient), uint32(1), string(text)]);
}

export function exitStatusRequest(recipient: number, status: number): Buffer {
  return Buffer.concat([byte(msg.channelRequest), uint32(recipient), string('exit-status'), byte(0), uint32(status)]);
}

export const requestFailure: Buffer = byte(msg.requestFailure);

/** The same message with another largest packet: ours go no further. */
export function withMaxPacket(payload: Buffer, at: number, largest: number): Buffer {
  if (payload.readUInt32BE(at) <= largest) return payload;
  const changed = Buffer.from(payload);
  changed.writeUInt32BE(largest, at);
  return changed;
}
