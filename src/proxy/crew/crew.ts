/** All workers: those that serve, and those of an earlier configuration that still have sessions. */
import type { Socket } from 'node:net';
import type { AgentConfig } from '../../config/config.ts';
import { LivePushes } from '../../store/live-pushes.ts';
import type { Visit } from '../door/visits.ts';
import type { ProxyLog } from '../log.ts';
import { Counters, type Sample } from '../metrics/counters.ts';
import type { PrimaryParts } from '../service.ts';
import { Member } from './member.ts';
import type { SessionReport } from './messages.ts';
import { type PackedConfig, packConfig } from './packed-config.ts';

/** Between crashes that are this far apart nothing is waited; each that comes sooner doubles the wait for the next start. */
const calmMs = 60_000;
const firstWaitMs = 500;
const maxWaitMs = 30_000;
/** A worker that is silent for this many looks in a row hangs: whoever is in it would wait for ever, and hold a place. */
const maxSilences = 3;
const usualLookMs = 10_000;
/** Beyond the time for sessions: last words, recordings. */
const lastWorkMs = 10_000;

type CrewParts = Pick<PrimaryParts, 'startWorker' | 'processors' | 'release' | 'clock' | 'lookMs'>;

export class Crew {
  readonly #parts: CrewParts;
  readonly #log: ProxyLog;
  readonly #pushes = new LivePushes();
  /** All that are alive. */
  readonly #members = new Set<Member>();
  /** Those that get new connections. */
  #serving = new Set<Member>();
  /** Counted by workers that are no more. */
  readonly #past = new Counters();
  #config: PackedConfig | undefined;
  /** No other worker is to try with this configuration. */
  #isFinal = false;
  #replacing = Promise.resolve();
  readonly #lost = Promise.withResolvers<void>();
  #crashes = 0;
  #lastCrashAt = Number.NEGATIVE_INFINITY;
  #isLeaving = false;
  readonly #looks: NodeJS.Timeout;

  constructor(parts: CrewParts, log: ProxyLog) {
    this.#parts = parts;
    this.#log = log;
    this.#looks = setInterval(() => void this.#look(), parts.lookMs ?? usualLookMs).unref();
  }

  /**
   * New workers get all new connections, and those before them go when they have no session any more. The first of them
   * starts alone, and the others when it serves: what is made at a first start is made once, and what is wrong is said once.
   *
   * @returns why that cannot be; all stays as it was then
   */
  async serve(config: AgentConfig): Promise<string | undefined> {
    const packed = packConfig(config);
    const first = this.#start(packed);
    const trouble = (await first.ready) ?? (this.#isLeaving ? 'it is told to stop' : undefined);
    if (trouble !== undefined) {
      first.leave(0);
      return trouble;
    }
    const before = this.#serving;
    this.#serving = new Set();
    this.#config = packed;
    this.#isFinal = false;
    this.#serves(first);
    for (const member of before) member.leave(undefined);
    const count = config.proxy.workers === 0 ? this.#parts.processors : config.proxy.workers;
    for (let others = 1; others < count; others++) void this.#add();
    return undefined;
  }

  /** When none serves, and none ever will. */
  get lost(): Promise<void> {
    return this.#lost.promise;
  }

  /** How many serve. */
  get size(): number {
    return this.#serving.size;
  }

  /** To the worker that has the fewest people. False: there is none. */
  admit(socket: Socket, visit: Visit): boolean {
    const [first, ...rest] = this.#serving;
    if (first === undefined) return false;
    rest.reduce((least, member) => (member.load < least.load ? member : least), first).admit(socket, visit);
    return true;
  }

  /** Of all workers. `silent`: how many of them did not answer. */
  async report(): Promise<{ sessions: SessionReport[]; samples: Sample[]; silent: number }> {
    const reports = await Promise.all([...this.#members].map(async member => await member.report()));
    const answered = reports.filter(report => report !== undefined);
    return {
      sessions: answered.flatMap(({ sessions }) => sessions).toSorted((one, other) => one.since - other.since),
      samples: [...this.#past.samples, ...answered.flatMap(({ counted, process }) => [...counted, ...process])],
      silent: reports.length - answered.length,
    };
  }

  /** Who has this session. */
  memberWith(id: string): Member | undefined {
    return [...this.#members].find(member => member.has(id));
  }

  /**
   * Ends all of them, and their sessions after `drainMs`.
   *
   * @returns whether each ended by itself
   */
  async leave(drainMs: number): Promise<boolean> {
    this.#isLeaving = true;
    clearInterval(this.#looks);
    this.#serving = new Set();
    const ends = [...this.#members].map(async member => {
      member.leave(drainMs);
      const timer = setTimeout(() => {
        this.#log.error('a worker does not end, and is killed', { worker: member.pid, sessions: member.sessions });
        member.kill();
      }, drainMs + lastWorkMs);
      const how = await member.over;
      clearTimeout(timer);
      return how === undefined;
    });
    return (await Promise.all(ends)).every(Boolean);
  }

  async #look(): Promise<void> {
    const looks = [...this.#members].map(async member => {
      await member.report();
      if (member.silences < maxSilences) return;
      this.#log.error('a worker hangs, and is killed', { worker: member.pid, sessions: member.sessions });
      member.kill();
    });
    await Promise.all(looks);
  }

  #start(config: PackedConfig): Member {
    const member = new Member(this.#parts.startWorker(), this.#pushes, { release: this.#parts.release, config });
    this.#members.add(member);
    void member.over.then(how => {
      this.#members.delete(member);
      this.#past.addAll(member.counted);
      if (how !== undefined)
        this.#log.error('a worker has ended, and its sessions with it', { worker: member.pid, how });
    });
    return member;
  }

  #serves(member: Member): void {
    this.#serving.add(member);
    this.#log.info('a worker serves', { worker: member.pid });
    void member.over.then(() => {
      if (this.#serving.delete(member)) this.#addLater(); // else it was told to end
    });
  }

  #addLater(): void {
    const now = this.#parts.clock.now();
    this.#crashes = Math.abs(now - this.#lastCrashAt) > calmMs ? 0 : this.#crashes + 1;
    this.#lastCrashAt = now;
    const waitMs = this.#crashes === 0 ? 0 : Math.min(firstWaitMs * 2 ** (this.#crashes - 1), maxWaitMs);
    const replace = (): void => {
      this.#replacing = this.#replacing.then(async () => await this.#add()); // what one finds out counts for the next
    };
    setTimeout(replace, waitMs).unref();
  }

  async #add(): Promise<void> {
    if (this.#isLeaving || this.#config === undefined) return;
    if (this.#isFinal) return this.#giveUp();
    const config = this.#config;
    const member = this.#start(config);
    const trouble = await member.ready;
    if (this.#isLeaving || this.#config !== config) return member.leave(0);
    if (trouble === undefined) return this.#serves(member);
    this.#log.error(`a worker cannot start: ${trouble}`, { worker: member.pid });
    if (!member.isFinal) return this.#addLater();
    this.#isFinal = true;
    this.#giveUp();
  }

  #giveUp(): void {
    if (this.#serving.size === 0) this.#lost.resolve();
  }
}
