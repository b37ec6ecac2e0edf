import { WireReader } from '../../ssh/wire.ts';
import { msg } from '../messages/numbers.ts';
import type { Ask } from './allowed.ts';
import type { Place } from './places.ts';

/** Of the reply: undefined if none is wanted, and so none is waited for. */
export type Settle = (reply: Buffer | undefined) => void;

/** Places where the host listens for the client. */
const maxPlaces = 256;

/**
 * What the client has asked the host for and the host has agreed to, since the host may open these channels and no
 * others: an agent, X11, and connections to where it listens for the client.
 */
export class Agreed {
  readonly #places = new Set<string>();
  #agent = false;
  /** X11 connections that may still come. */
  #x11 = 0;

  get hasRoom(): boolean {
    return this.#places.size < maxPlaces;
  }

  get agent(): boolean {
    return this.#agent;
  }

  get x11(): boolean {
    return this.#x11 > 0;
  }

  listensAt(place: Place): boolean {
    return this.#places.has(JSON.stringify(place));
  }

  /** One more connection has come. */
  x11Opened(): void {
    this.#x11--;
  }

  /** What a request of the client does when the host agrees to it; undefined if that is nothing to us. */
  whenAgreed(ask: Ask): Settle | undefined {
    const effect = this.#effectOf(ask);
    if (effect === undefined) return undefined;
    return reply => {
      const isAgreed = reply === undefined || reply[0] === msg.requestSuccess || reply[0] === msg.channelSuccess;
      if (isAgreed) effect(reply);
    };
  }

  #effectOf({ type, place, isOnce = false }: Ask): Settle | undefined {
    switch (type) {
      case 'tcpip-forward':
      case 'streamlocal-forward@openssh.com':
        return reply => this.#listen(place, reply);
      case 'cancel-tcpip-forward':
      case 'cancel-streamlocal-forward@openssh.com':
        return () => this.#places.delete(JSON.stringify(place));
      case 'auth-agent-req@openssh.com':
        return () => (this.#agent = true);
      case 'x11-req':
        return () => (this.#x11 += isOnce ? 1 : Number.POSITIVE_INFINITY);
      default:
        return undefined;
    }
  }

  /** A port that was left to the host is in its reply (RFC 4254 §7.1). */
  #listen(place: Place | undefined, reply: Buffer | undefined): void {
    if (place === undefined) return;
    if ('path' in place || place.port !== 0) this.#places.add(JSON.stringify(place));
    else if (reply !== undefined) {
      const reader = new WireReader(reply.subarray(1));
      const port = reader.uint32();
      if (reader.isWhole) this.#places.add(JSON.stringify({ host: place.host, port }));
    }
  }
}
