import type { Ending, Transport, TransportListener } from '../engine/transport.ts';

/** The leg to the upstream host, whose messages go to whoever takes it over. */
export class UpstreamLeg implements TransportListener {
  /** Of the host. */
  readonly address: string;
  readonly transport: Transport;
  #next: TransportListener | undefined;
  /** What came after the login, while nobody listens: no more than one read of the socket. */
  #early: Buffer[] | undefined;
  #ended: Ending | undefined;

  constructor(address: string, make: (listener: TransportListener) => Transport) {
    this.address = address;
    this.transport = make(this);
  }

  /** What comes from now on waits for the next listener. */
  hold(): void {
    this.#early = [];
    this.transport.pause();
  }

  /** From now on `listener` hears what comes; what came, and if the leg has ended meanwhile, that, at once. */
  handTo(listener: TransportListener): void {
    this.#next = listener;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const payload of early) listener.message(payload);
    this.transport.resume();
    if (this.#ended !== undefined) listener.closed(this.#ended);
  }

  ready(): void {
    this.#next?.ready();
  }

  message(payload: Buffer): 'passed' | void {
    if (this.#early === undefined) return this.#next?.message(payload);
    this.#early.push(payload);
  }

  drained(): void {
    this.#next?.drained();
  }

  closed(ending: Ending): void {
    this.#ended = ending;
    this.#next?.closed(ending);
  }
}
