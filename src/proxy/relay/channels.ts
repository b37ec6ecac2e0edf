import type { Side } from './allowed.ts';
import { Replies } from './replies.ts';

/** One channel. Each side has given it a number of its own, by which the other addresses it. */
export interface Channel {
  readonly client: number;
  /** How much may be sent to the client before a program has sent anything. */
  readonly window: number;
  /** Undefined until the host has confirmed it. */
  host: number | undefined;
  /** To requests of that side. */
  readonly replies: Readonly<Record<Side, Replies>>;
  readonly closed: Record<Side, boolean>;
  /** A shell, command or subsystem was asked for, and passed. */
  isUsed: boolean;
  /** By the relay itself, towards both: what still comes, their own closes, concerns nobody any more. */
  isEnded: boolean;
}

/** The channels of one connection, all of them opened by the client. */
export class Channels {
  readonly #byClient = new Map<number, Channel>();
  readonly #byHost = new Map<number, Channel>();
  readonly #refuse: (side: Side, channel: Channel) => void;

  /** @param refuse refuses a request of that side */
  constructor(refuse: (side: Side, channel: Channel) => void) {
    this.#refuse = refuse;
  }

  open(number: number, window: number): 'opened' | 'taken' | 'full' {
    if (this.#byClient.has(number)) return 'taken';
    if (this.#byClient.size >= maxChannels) return 'full';
    const channel: Channel = {
      client: number,
      window,
      host: undefined,
      replies: {
        client: new Replies(() => this.#refuse('client', channel)),
        host: new Replies(() => this.#refuse('host', channel)),
      },
      closed: { client: false, host: false },
      isUsed: false,
      isEnded: false,
    };
    this.#byClient.set(number, channel);
    return 'opened';
  }

  confirm(client: number, host: number): Channel | undefined {
    const channel = this.#byClient.get(client);
    if (channel === undefined || channel.host !== undefined || this.#byHost.has(host)) return undefined;
    channel.host = host;
    this.#byHost.set(host, channel);
    return channel;
  }

  /** The host does not open it. */
  refuse(client: number): boolean {
    if (this.#byClient.get(client)?.host !== undefined) return false;
    return this.#byClient.delete(client);
  }

  /** Those in which something runs. */
  used(): Channel[] {
    return [...this.#byClient.values()].filter(({ isUsed, isEnded, closed }) => isUsed && !isEnded && !closed.host);
  }

  /** The channel that a message from this side is about. */
  addressed(from: Side, number: number): Channel | undefined {
    const channel = from === 'client' ? this.#byHost.get(number) : this.#byClient.get(number);
    return channel?.host === undefined ? undefined : channel;
  }

  /** @returns whether both sides have closed it now */
  close(from: Side, channel: Channel): boolean {
    channel.closed[from] = true;
    if (!channel.closed.client || !channel.closed.host) return false;
    this.#byClient.delete(channel.client);
    if (channel.host !== undefined) this.#byHost.delete(channel.host);
    return true;
  }
}

const maxChannels = 100;
