import type { Socket } from 'node:net';

/**
 * Strangers are read in turns, one in each round of the event loop: an exchange of keys takes milliseconds, and however
 * many come at once, whoever is logged in waits for one of them.
 */
export class Turns {
  readonly #waiting: Socket[] = [];

  /** @param isOver it is no stranger any more */
  take(socket: Socket, isOver: () => boolean): void {
    const wait = (): void => {
      if (isOver()) return void socket.off('data', wait);
      socket.pause();
      this.#waiting.push(socket);
      if (this.#waiting.length === 1) setImmediate(() => this.#next());
    };
    socket.on('data', wait);
  }

  #next(): void {
    this.#waiting.shift()?.resume();
    if (this.#waiting.length > 0) setImmediate(() => this.#next());
  }
}
