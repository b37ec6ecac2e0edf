import type { Clock } from '../../auth/ports.ts';
import { type Catalogue, parseCatalogue } from '../../trasa/catalogue.ts';
import type { CatalogueReply } from '../../trasa/catalogue-reply.ts';
import type { ProxyLog } from '../log.ts';
import { type Cached, readCached, writeCached } from './cached.ts';

export interface KeeperParts {
  /** Where the last one is kept. */
  readonly file: string;
  /** Names the server, and as whom it is asked. */
  readonly source: string;
  /** One that the server has not confirmed for so long does not count. */
  readonly maxAgeMs: number;
  readonly ask: (known: string, signal: AbortSignal) => Promise<CatalogueReply>;
  readonly clock: Clock;
  readonly log: Pick<ProxyLog, 'info' | 'warn' | 'error' | 'bug'>;
}

const pollMs = 60_000;
/** While there is none: people wait. */
const firstPollMs = 5_000;
/** The clock may have been set back a little. */
const maxAheadMs = 60_000;
/** So often, at least, the disk hears that it still holds. */
export const rewriteMs = 600_000;

/** The server's catalogue as it last was, asked for every minute. While the server is away the last one goes on, for a time. */
export class CatalogueKeeper {
  readonly #parts: KeeperParts;
  readonly #stopping = new AbortController();
  #kept: (Cached & { readonly catalogue: Catalogue }) | undefined;
  #writtenAt = 0;
  #timer: NodeJS.Timeout | undefined;
  /** What was last said of the server, so that it is said once. */
  #trouble: string | undefined;
  #isTooOld = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** Takes what is on disk, and asks the server for the first time. */
  async start(): Promise<void> {
    const { file, source, log } = this.#parts;
    const cached = readCached(file, source);
    if (typeof cached === 'string') log.warn(`the catalogue that was kept cannot be used: ${cached}`);
    else this.#kept = cached;
    await this.poll();
    this.#schedule();
  }

  /** The same object as long as nothing changes. Undefined: there is none, or it is too old. */
  get current(): Catalogue | undefined {
    const { clock, maxAgeMs, log } = this.#parts;
    if (this.#kept === undefined) return undefined;
    const isTooOld = isOlder(this.#kept.confirmedAt, clock.now(), maxAgeMs);
    if (isTooOld && !this.#isTooOld)
      log.error('the catalogue is too old: what is in it does not count', {
        confirmed: timeOf(this.#kept.confirmedAt),
      });
    this.#isTooOld = isTooOld;
    return isTooOld ? undefined : this.#kept.catalogue;
  }

  /** Asks the server once. */
  async poll(): Promise<void> {
    const { ask } = this.#parts;
    const reply = await ask(this.#kept?.revision ?? '', this.#stopping.signal);
    if (this.#stopping.signal.aborted) return;
    if (reply.kind === 'new') {
      const catalogue = parseCatalogue(reply.catalogue);
      if (typeof catalogue === 'string') return this.#failed(`what came is not a catalogue: ${catalogue}`);
      this.#keep({ revision: reply.revision, message: reply.catalogue, catalogue }, true);
    } else if (reply.kind === 'unchanged' && this.#kept !== undefined) this.#keep(this.#kept, false);
    else this.#failed(reply.kind === 'none' ? reply.detail : 'it says that nothing has changed, but there was nothing');
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stopping.abort();
  }

  #schedule(): void {
    const afterMs = this.current === undefined ? firstPollMs : pollMs;
    this.#timer = setTimeout(() => {
      this.poll()
        .catch((error: unknown) => this.#parts.log.bug(error))
        .finally(() => {
          if (!this.#stopping.signal.aborted) this.#schedule();
        });
    }, afterMs).unref();
  }

  #keep(kept: Omit<Cached, 'confirmedAt'> & { readonly catalogue: Catalogue }, isNew: boolean): void {
    const { clock, file, source, log } = this.#parts;
    const now = clock.now();
    const { revision, message, catalogue } = kept;
    this.#kept = { revision, message, catalogue, confirmedAt: now };
    const { services, policies } = catalogue;
    if (isNew) log.info('catalogue', { revision, services: services.length, policies: policies.length });
    else if (this.#trouble !== undefined) log.info('the server answers again: the catalogue is as it was');
    this.#trouble = undefined;
    if (!isNew && Math.abs(now - this.#writtenAt) < rewriteMs) return;
    try {
      writeCached(file, source, { revision, message, confirmedAt: now });
      this.#writtenAt = now;
    } catch (error) {
      log.error(`${file}: the catalogue cannot be kept: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #failed(why: string): void {
    const { log } = this.#parts;
    if (this.#trouble === why) return;
    this.#trouble = why;
    const kept = this.current === undefined ? undefined : this.#kept;
    if (kept === undefined) log.error('there is no catalogue', { why });
    else log.warn('no news of the catalogue: the last one goes on', { why, confirmed: timeOf(kept.confirmedAt) });
  }
}

/** A time to come is no time at which anything was confirmed. */
export function isOlder(confirmedAt: number, now: number, maxAgeMs: number): boolean {
  const ageMs = now - confirmedAt;
  return ageMs > maxAgeMs || ageMs < -maxAheadMs;
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
