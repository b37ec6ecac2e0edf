import { other, type Side } from './allowed.ts';
import type { Place } from './places.ts';
import { Replies } from './replies.ts';

/** One channel. Each side has given it a number of its own, by which the other addresses it. */
export interface Channel {
  readonly type: string;
  readonly place: Place | undefined;
  readonly opener: Side;
  /** How much may be sent to who opened it before a program has sent anything. */
  readonly window: number;
  /** Undefined until that side has confirmed it. */
  client: number | undefined;
  host: number | undefined;
  /** To requests of that side. */
  readonly replies: Readonly<Record<Side, Replies>>;
  readonly closed: Record<Side, boolean>;
  /** How much data that side has sent. */
  readonly bytes: Record<Side, number>;
  /** A shell, command or subsystem was asked for, and passed. */
  isUsed: boolean;
  /** By the relay itself, towards both: what still comes, their own closes, concerns nobody any more. */
  isEnded: boolean;
}

export interface OpenChannel extends Channel {
  client: number;
  host: number;
}

/** The channels of one connection, whichever side has opened them. */
export class Channels {
  /** By the number that this side has given. */
  readonly #numbered = { client: new Map<number, Channel>(), host: new Map<number, Channel>() } as const;
  /** How many this side has opened. */
  readonly #opened = { client: 0, host: 0 };
  readonly #refuse: (side: Side, channel: Channel) => void;

  /** @param refuse refuses a request of that side */
  constructor(refuse: (side: Side, channel: Channel) => void) {
    this.#refuse = refuse;
  }

  open(
    opener: Side,
    number: number,
    { type, place, window }: Pick<Channel, 'type' | 'place' | 'window'>,
  ): 'opened' | 'taken' | 'full' {
    if (this.#numbered[opener].has(number)) return 'taken';
    if (this.#opened[opener] >= maxChannels) return 'full';
    const channel: Channel = {
      type,
      place,
      window,
      opener,
      client: undefined,
      host: undefined,
      replies: {
        client: new Replies(() => this.#refuse('client', channel)),
        host: new Replies(() => this.#refuse('host', channel)),
      },
      closed: { client: false, host: false },
      bytes: { client: 0, host: 0 },
      isUsed: false,
      isEnded: false,
    };
    this.#number(channel, opener, number);
    this.#opened[opener]++;
    return 'opened';
  }

  /** @param by the side that confirms what the other has opened as `recipient` */
  confirm(by: Side, recipient: number, number: number): OpenChannel | undefined {
    const channel = this.#unconfirmed(by, recipient);
    if (channel === undefined || this.#numbered[by].has(number)) return undefined;
    this.#number(channel, by, number);
    return isOpen(channel) ? channel : undefined;
  }

  /** That side does not open it. */
  refuse(by: Side, recipient: number): Channel | undefined {
    const channel = this.#unconfirmed(by, recipient);
    if (channel !== undefined) this.#forget(channel);
    return channel;
  }

  /** Those in which something runs. */
  used(): OpenChannel[] {
    const all = [...this.#numbered.client.values()].filter(isOpen);
    return all.filter(({ isUsed, isEnded, closed }) => isUsed && !isEnded && !closed.host);
  }

  /** The channel that a message from this side is about. */
  addressed(from: Side, number: number): OpenChannel | undefined {
    const channel = this.#numbered[other(from)].get(number);
    return channel !== undefined && isOpen(channel) ? channel : undefined;
  }

  /** @returns whether both sides have closed it now */
  close(from: Side, channel: OpenChannel): boolean {
    channel.closed[from] = true;
    if (!channel.closed.client || !channel.closed.host) return false;
    this.#forget(channel);
    return true;
  }

  #unconfirmed(by: Side, recipient: number): Channel | undefined {
    const channel = this.#numbered[other(by)].get(recipient);
    return channel?.[by] === undefined ? channel : undefined;
  }

  #number(channel: Channel, side: Side, number: number): void {
    channel[side] = number;
    this.#numbered[side].set(number, channel);
  }

  #forget(channel: Channel): void {
    this.#opened[channel.opener]--;
    if (channel.client !== undefined) this.#numbered.client.delete(channel.client);
    if (channel.host !== undefined) this.#numbered.host.delete(channel.host);
  }
}

/** Of one side. A browser behind `ssh -D` has more than a hundred at times. */
const maxChannels = 256;

function isOpen(channel: Channel): channel is OpenChannel {
  return channel.client !== undefined && channel.host !== undefined;
}
