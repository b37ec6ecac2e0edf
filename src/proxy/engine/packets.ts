/**
 * Packets under the ciphers with a tag, in ssh2's place: it hands over the keys (tools/ssh2-patches/) and calls what it
 * would call of its own. Each is sealed where it is sent from, and opened where it was read to.
 */
import { type NativeCiphers, type PacketKey, tagBytes } from './native-ciphers.ts';
import { type Outbox, pad } from './outbox.ts';

/** The peer broke the protocol. */
export class ProtocolError extends Error {}

/** ssh2's own bound, and RFC 4253's (§6.1). */
const maxPacketBytes = 35_000;
const lengthBytes = 4;
/** The length, and one byte that says how much is padding. */
const headBytes = 5;
const minPadding = 4;

/**
 * Gives the memory of a read back at once, and leaves a buffer of length 0. V8 would do so too, but only after it has gone
 * through all of its objects, and that for every few dozen megabytes that pass.
 */
export function discard(bytes: Buffer): void {
  const { buffer } = bytes;
  if (bytes.length < worthDiscarding || bytes.length !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return;
  buffer.transfer(0);
}

const worthDiscarding = 4096;

/** What both need of a direction's keys. */
export interface PacketCipher {
  readonly key: PacketKey;
  /** A packet, less its length and tag, fills such blocks. */
  readonly blockBytes: 8 | 16;
  readonly ciphers: NativeCiphers;
}

/** @param iv empty with ChaCha20-Poly1305. Undefined: it is a cipher that is left to ssh2. */
export function packetCipher(
  ciphers: NativeCiphers,
  name: string,
  seals: boolean,
  key: Buffer,
  iv: Buffer,
): PacketCipher | undefined {
  const blockBytes = blocks.get(name);
  return blockBytes && { key: ciphers.makeKey(seals, key, iv), blockBytes, ciphers };
}

/** By OpenSSL's names, which are what ssh2 calls them inside. */
const blocks: ReadonlyMap<string, 8 | 16> = new Map([
  ['aes-128-gcm', 16],
  ['aes-256-gcm', 16],
  ['chacha20', 8],
]);

/** ssh2's cipher. */
export class PacketSealer {
  outSeqno: number;
  readonly #cipher: PacketCipher;
  readonly #outbox: Outbox;
  #isDead = false;

  constructor(cipher: PacketCipher, sequence: number, outbox: Outbox) {
    this.outSeqno = sequence;
    this.#cipher = cipher;
    this.#outbox = outbox;
  }

  /** For a message that ssh2 itself has to say. */
  allocPacket(payloadBytes: number): Buffer {
    return Buffer.allocUnsafe(headBytes + payloadBytes);
  }

  encrypt(packet: Buffer): void {
    this.seal(packet.subarray(headBytes));
  }

  free(): void {
    this.#isDead = true;
  }

  seal(payload: Buffer): void {
    if (this.#isDead) return;
    const { key, blockBytes, ciphers } = this.#cipher;
    const unpadded = 1 + payload.length + minPadding;
    const length = unpadded + ((blockBytes - (unpadded % blockBytes)) % blockBytes);
    const whole = lengthBytes + length + tagBytes;
    const { slab, at } = this.#outbox.reserve(whole);
    const padding = length - 1 - payload.length;
    try {
      slab.writeUInt32BE(length, at);
      slab[at + lengthBytes] = padding;
      slab.set(payload, at + headBytes);
      pad(slab, at + headBytes + payload.length, padding);
      ciphers.seal(key, this.outSeqno, slab, at, length);
    } catch (error) {
      this.#outbox.takeBack(whole); // what is not sealed is not sent
      throw error;
    }
    this.outSeqno = (this.outSeqno + 1) >>> 0;
  }
}

/** ssh2's decipher. */
export class PacketOpener {
  inSeqno: number;
  /** Taken over by the next when keys change, and by ssh2 while they do. */
  _onPayload: (payload: Buffer) => unknown;
  readonly #cipher: PacketCipher;
  readonly #mayDiscard: () => boolean;
  readonly #head = Buffer.alloc(lengthBytes);
  /** Of which so many bytes have come: the head of a packet, then the packet. */
  #partial = this.#head;
  #partialBytes = 0;

  /** @param mayDiscard whether nobody keeps a payload any more when `onPayload` has returned */
  constructor(
    cipher: PacketCipher,
    sequence: number,
    onPayload: (payload: Buffer) => unknown,
    mayDiscard: () => boolean,
  ) {
    this.inSeqno = sequence;
    this._onPayload = onPayload;
    this.#mayDiscard = mayDiscard;
    this.#cipher = cipher;
  }

  free(): void {}

  /** @returns as ssh2's: how far it came, if the last message says that others have to go on; otherwise undefined */
  decrypt(data: Buffer, from: number, to: number): unknown {
    for (let at = from; at < to; ) {
      const whole = this.#wholeAt(data, at, to);
      let answer: unknown;
      if (whole === undefined) {
        at += this.#gather(data.subarray(at, to));
        const packet = this.#gathered();
        if (packet === undefined) continue;
        answer = this._onPayload(this.#open(packet, 0, packet.length - lengthBytes - tagBytes));
        if (this.#mayDiscard()) discard(packet);
      } else {
        const payload = this.#open(data, at, whole);
        at += lengthBytes + whole + tagBytes;
        answer = this._onPayload(payload);
      }
      if (answer !== undefined) return answer === false ? at : answer;
    }
    return undefined;
  }

  /** The length of a packet that is there as a whole. */
  #wholeAt(data: Buffer, at: number, to: number): number | undefined {
    if (this.#partialBytes > 0 || to - at < lengthBytes) return undefined;
    const length = this.#lengthOf(data, at);
    return at + lengthBytes + length + tagBytes <= to ? length : undefined;
  }

  #gather(data: Buffer): number {
    const part = data.subarray(0, this.#partial.length - this.#partialBytes);
    this.#partial.set(part, this.#partialBytes);
    this.#partialBytes += part.length;
    return part.length;
  }

  #gathered(): Buffer | undefined {
    if (this.#partialBytes < this.#partial.length) return undefined;
    if (this.#partial === this.#head) {
      this.#partial = Buffer.allocUnsafeSlow(lengthBytes + this.#lengthOf(this.#head, 0) + tagBytes);
      this.#partial.set(this.#head);
      return undefined;
    }
    const packet = this.#partial;
    this.#partial = this.#head;
    this.#partialBytes = 0;
    return packet;
  }

  #lengthOf(data: Buffer, at: number): number {
    const { key, blockBytes, ciphers } = this.#cipher;
    const length = ciphers.lengthOf(key, this.inSeqno, data, at);
    if (length < blockBytes || length % blockBytes !== 0 || length > maxPacketBytes - lengthBytes - tagBytes)
      throw new ProtocolError('Bad packet length');
    return length;
  }

  #open(data: Buffer, at: number, length: number): Buffer {
    const { key, ciphers } = this.#cipher;
    if (!ciphers.open(key, this.inSeqno, data, at, length)) throw new ProtocolError('a packet does not authenticate');
    this.inSeqno = (this.inSeqno + 1) >>> 0;
    const padding = data[at + lengthBytes] ?? 0;
    if (padding < minPadding || padding >= length) throw new ProtocolError('Bad padding');
    return data.subarray(at + headBytes, at + lengthBytes + length - padding);
  }
}
