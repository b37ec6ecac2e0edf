import { cleanText } from '../../protocol/clean.ts';
import { parseChannelRequest } from '../messages/connection.ts';
import { placeText } from '../relay/places.ts';
import { dataOf } from '../relay/session-log.ts';
import type { OpenedChannel } from '../relay/tap.ts';

export interface Watcher {
  /** What a terminal of the session shows, as it comes. */
  output(data: Buffer): void;
  over(why: string): void;
}

/** What an administrator may see of a session while it lasts. Nothing that the person types is in it. */
export class SessionView {
  readonly #channels = new Map<number, { what: string; hasTerminal: boolean }>();
  readonly #watchers = new Set<Watcher>();
  isOver = false;

  /** `shell`, `sftp`, `exec: id`, `direct-tcpip 10.0.0.5:443`, `to web1`. */
  get channels(): string[] {
    return [...this.#channels.values()].flatMap(({ what }) => (what === '' ? [] : [what]));
  }

  /** @returns stops it */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  opened({ client, type, place, leadsTo }: OpenedChannel): void {
    if (type === 'session') return; // what runs in it says more
    const where = place === undefined ? '' : ` ${cleanText(placeText(place), 100)}`;
    const what = leadsTo === undefined ? `${cleanText(type, 64)}${where}` : `to ${leadsTo}`;
    this.#channels.set(client, { what, hasTerminal: false });
  }

  request(channel: number, payload: Buffer): void {
    const request = parseChannelRequest(payload);
    if (request === undefined) return;
    const known = this.#channels.get(channel) ?? { what: '', hasTerminal: false };
    this.#channels.set(channel, known);
    const { type, data } = request;
    if (type === 'pty-req') known.hasTerminal = true;
    if (type === 'shell') known.what = 'shell';
    if (type === 'subsystem') known.what = cleanText(data.string().toString('utf8'), 64);
    if (type === 'exec') known.what = `exec: ${cleanText(data.string().toString('utf8'), 200)}`;
  }

  output(channel: number, payload: Buffer): void {
    if (this.#watchers.size === 0 || this.#channels.get(channel)?.hasTerminal !== true) return;
    const data = dataOf(payload);
    for (const watcher of this.#watchers) watcher.output(data);
  }

  closed(channel: number): void {
    this.#channels.delete(channel);
  }

  end(why: string): void {
    this.isOver = true;
    for (const watcher of this.#watchers) watcher.over(why);
    this.#watchers.clear();
  }
}
