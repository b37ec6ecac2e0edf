/** Packets of SFTP (draft-ietf-secsh-filexfer-02 §3), cut out of a stream. */

/** OpenSSH's own bound. Never more than this is kept of a packet that is not whole. */
export const maxPacketBytes = 256 * 1024;

export class PacketStream {
  readonly #head = Buffer.alloc(4);
  #headBytes = 0;
  /** For a packet that is not whole; as large as the largest so far. */
  #room: Buffer = Buffer.alloc(0);
  #filled = 0;

  /** Whether there is the beginning of a packet. */
  get isCutOff(): boolean {
    return this.#headBytes > 0;
  }

  /**
   * @param take gets each packet without its length, as a view that is good until it returns
   * @returns what was wrong, or what `take` found wrong
   */
  push(data: Buffer, take: (packet: Buffer) => string | undefined): string | undefined {
    let at = 0;
    while (at < data.length) {
      if (this.#headBytes < 4) {
        const count = data.copy(this.#head, this.#headBytes, at, at + 4 - this.#headBytes);
        this.#headBytes += count;
        at += count;
        if (this.#headBytes < 4) return undefined;
      }
      const length = this.#head.readUInt32BE();
      if (length === 0 || length > maxPacketBytes) return `an sftp packet of ${length} bytes`;
      let packet: Buffer;
      if (this.#filled === 0 && data.length - at >= length) {
        packet = data.subarray(at, at + length);
        at += length;
      } else {
        if (this.#room.length < length) this.#room = Buffer.concat([this.#room.subarray(0, this.#filled)], length);
        const count = data.copy(this.#room, this.#filled, at, at + length - this.#filled);
        this.#filled += count;
        at += count;
        if (this.#filled < length) return undefined;
        packet = this.#room.subarray(0, length);
      }
      this.#filled = 0;
      this.#headBytes = 0;
      const fault = take(packet);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
}
