/** The bytes of one file that passed one way. */
import { createHash, type Hash } from 'node:crypto';

interface Piece {
  readonly offset: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** More than these are counted only. */
const maxPieces = 64;

/** Stretches without a gap, each with its digest: one if the file passed in order. */
export class PassedBytes {
  #bytes = 0;
  #run: { readonly offset: number; bytes: number; readonly hash: Hash } | undefined;
  #pieces: Piece[] = [];
  #morePieces = 0;

  /** Where it goes on if it goes on in order. */
  get next(): number {
    return this.#run === undefined ? 0 : this.#run.offset + this.#run.bytes;
  }

  add(offset: number, data: Buffer): void {
    if (this.#run === undefined || offset !== this.next) {
      this.#close();
      this.#run = { offset, bytes: 0, hash: createHash('sha256') };
    }
    this.#run.hash.update(data);
    this.#run.bytes += data.length;
    this.#bytes += data.length;
  }

  /** @param isWhole whether the stretch from the beginning, if that is all there is, is all of the file */
  facts(isWhole: boolean): object {
    const isOneRun = this.#pieces.length === 0 && (this.#run?.offset ?? 0) === 0;
    this.#close();
    const [only] = this.#pieces;
    if (isWhole && isOneRun) return { bytes: this.#bytes, sha256: only?.sha256 ?? createHash('sha256').digest('hex') };
    const more = this.#morePieces > 0 && { morePieces: this.#morePieces };
    return { bytes: this.#bytes, pieces: this.#pieces, ...more };
  }

  #close(): void {
    if (this.#run === undefined) return;
    const { offset, bytes, hash } = this.#run;
    if (this.#pieces.length < maxPieces) this.#pieces.push({ offset, bytes, sha256: hash.digest('hex') });
    else this.#morePieces++;
    this.#run = undefined;
  }
}
