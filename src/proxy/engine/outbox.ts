import { randomFillSync } from 'node:crypto';
import type { Writable } from 'node:stream';

/** Many packets of a bulk transfer; a larger one than the largest packet in any case. */
const slabBytes = 128 * 1024;
/** What is less is copied and sent: a few bytes that wait for a slow peer must not hold a whole slab. */
const copiedBytes = slabBytes / 8;
const maxSpares = 32;

/** Slabs that nobody uses; shared by all connections, so that an idle one holds none. */
const spares: Buffer[] = [];

/** A microtask costs less than process.nextTick() and queueMicrotask(), and comes as soon. */
const soon = Promise.resolve();

/** What one connection sends in one turn: gathered in one piece of memory, and written in one piece. */
export class Outbox {
  readonly #socket: Writable;
  readonly #written: (bytes: number) => void;
  #slab: Buffer | undefined;
  #end = 0;
  #isDue = false;

  /** @param written so many bytes have been handed to the socket */
  constructor(socket: Writable, written: (bytes: number) => void) {
    this.#socket = socket;
    this.#written = written;
  }

  readonly #flushDue = (): void => {
    this.#isDue = false;
    this.flush();
  };

  get waitingBytes(): number {
    return this.#end;
  }

  append(data: Uint8Array): void {
    for (let start = 0; start < data.length; start += slabBytes) {
      const part = data.subarray(start, start + slabBytes);
      const { slab, at } = this.reserve(part.length);
      slab.set(part, at);
    }
  }

  /** Room that is to be filled at once, before anything else is asked of this outbox. */
  reserve(length: number): { readonly slab: Buffer; readonly at: number } {
    if (this.#end + length > slabBytes) this.flush();
    this.#slab ??= spares.pop() ?? Buffer.allocUnsafeSlow(slabBytes);
    const at = this.#end;
    this.#end += length;
    if (!this.#isDue) {
      this.#isDue = true;
      void soon.then(this.#flushDue);
    }
    return { slab: this.#slab, at };
  }

  /** What was reserved last is not sent. */
  takeBack(length: number): void {
    this.#end -= length;
  }

  flush(): void {
    const slab = this.#slab;
    const length = this.#end;
    if (slab === undefined || length === 0) return;
    this.#slab = undefined;
    this.#end = 0;
    if (this.#socket.destroyed || this.#socket.writableEnded) return putBack(slab);
    this.#written(length);
    const bytes = slab.subarray(0, length);
    if (length > copiedBytes) return void this.#socket.write(bytes, () => putBack(slab));
    this.#socket.write(Buffer.from(bytes));
    putBack(slab);
  }
}

function putBack(slab: Buffer): void {
  if (spares.length < maxSpares) spares.push(slab);
}

const randomness = Buffer.alloc(4096);
let used = randomness.length;

/** Fills a few bytes of padding (RFC 4253 §6: it SHOULD be random). */
export function pad(bytes: Buffer, at: number, length: number): void {
  if (used + length > randomness.length) {
    randomFillSync(randomness);
    used = 0;
  }
  for (let i = 0; i < length; i++) bytes[at + i] = randomness[used + i] ?? 0;
  used += length;
}
