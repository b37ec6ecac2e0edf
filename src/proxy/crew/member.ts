import type { Socket } from 'node:net';
import type { LivePushes } from '../../store/live-pushes.ts';
import type { Watcher } from '../door/session-view.ts';
import type { Visit } from '../door/visits.ts';
import type { Sample } from '../metrics/counters.ts';
import type { Question, ToPrimary, WorkerProcess, WorkerReport } from './messages.ts';
import type { PackedConfig } from './packed-config.ts';

/** A worker that does not say within this time what it is doing has other trouble than our curiosity. */
const reportMs = 2_000;

/** One worker, and what is counted on its behalf: with it, all of that ends. */
export class Member {
  readonly #process: WorkerProcess;
  readonly #pushes: LivePushes;
  readonly #ready = Promise.withResolvers<string | undefined>();
  readonly #over = Promise.withResolvers<string | undefined>();
  readonly #visits = new Map<number, Visit>();
  /** On their way to the worker. */
  readonly #sockets = new Set<Socket>();
  readonly #livePushes = new Map<string, () => void>();
  readonly #reports = new Map<number, (report: WorkerReport) => void>();
  readonly #watchers = new Map<number, Watcher>();
  #numbers = 0;
  /** See the message `cannot-start`. */
  isFinal = false;
  /** As far as it has said. */
  counted: readonly Sample[] = [];
  /** Questions in a row that it has not answered. */
  silences = 0;

  /** @param pushes of all workers */
  constructor(process: WorkerProcess, pushes: LivePushes, start: { release: string; config: PackedConfig }) {
    this.#process = process;
    this.#pushes = pushes;
    process.onMessage(message => this.#receive(message));
    process.onClosed(how => this.#end(how));
    process.send({ kind: 'start', ...start });
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** How many people it has, strangers included. */
  get load(): number {
    return this.#visits.size;
  }

  get sessions(): number {
    return [...this.#visits.values()].filter(visit => visit.id !== undefined).length;
  }

  /** When it serves. A string says why it never will. */
  get ready(): Promise<string | undefined> {
    return this.#ready.promise;
  }

  /** When it has ended; with how, unless that is as it should. */
  get over(): Promise<string | undefined> {
    return this.#over.promise;
  }

  admit(socket: Socket, visit: Visit): void {
    const connection = ++this.#numbers;
    const { address, isBalancer } = visit;
    this.#visits.set(connection, visit);
    this.#sockets.add(socket);
    this.#process.send({ kind: 'connection', connection, address, isBalancer }, socket, isSent => {
      this.#sockets.delete(socket);
      if (!isSent) socket.destroy();
    });
  }

  has(id: string): boolean {
    return [...this.#visits.values()].some(visit => visit.id === id);
  }

  endSession(id: string, why: string): void {
    this.#process.send({ kind: 'end-session', id, why });
  }

  /** @returns stops it */
  watch(id: string, watcher: Watcher): () => void {
    const number = ++this.#numbers;
    this.#watchers.set(number, watcher);
    this.#process.send({ kind: 'watch', id, watcher: number });
    return () => {
      if (this.#watchers.delete(number)) this.#process.send({ kind: 'unwatch', watcher: number });
    };
  }

  /** Undefined if it does not answer in time. */
  async report(): Promise<WorkerReport | undefined> {
    const question = ++this.#numbers;
    const { promise, resolve } = Promise.withResolvers<WorkerReport | undefined>();
    const timer = setTimeout(() => resolve(undefined), reportMs);
    this.#reports.set(question, resolve);
    this.#process.send({ kind: 'report', question });
    const report = await promise;
    clearTimeout(timer);
    this.#reports.delete(question);
    this.silences = report === undefined ? this.silences + 1 : 0;
    return report;
  }

  /** @param drainMs undefined: its sessions may take their time */
  leave(drainMs: number | undefined): void {
    this.#process.send({ kind: 'leave', ...(drainMs !== undefined && { drainMs }) });
  }

  kill(): void {
    this.#process.kill();
  }

  #receive(message: ToPrimary): void {
    switch (message.kind) {
      case 'ready':
        return this.#ready.resolve(undefined);
      case 'cannot-start':
        this.isFinal = message.isFinal;
        return this.#ready.resolve(message.why);
      case 'ask':
        return this.#process.send({ kind: 'answer', question: message.question, yes: this.#answer(message.about) });
      case 'failed':
        return this.#visits.get(message.connection)?.failed();
      case 'logged-in':
        return this.#visits.get(message.connection)?.loggedIn(message.id);
      case 'gone':
        this.#visits.get(message.connection)?.gone(message.timedOut ? 'timed-out' : 'left');
        this.#visits.delete(message.connection);
        return;
      case 'push-over':
        this.#livePushes.get(message.target)?.();
        this.#livePushes.delete(message.target);
        return;
      case 'report':
        this.counted = message.report.counted;
        return this.#reports.get(message.question)?.(message.report);
      case 'counted':
        this.counted = message.counted;
        return;
      case 'output':
        return this.#watchers.get(message.watcher)?.output(Buffer.from(message.data));
      case 'watch-over':
        this.#watchers.get(message.watcher)?.over(message.why);
        this.#watchers.delete(message.watcher);
        return;
    }
  }

  #answer(about: Question): boolean {
    switch (about.kind) {
      case 'arrival':
        return this.#visits.get(about.connection)?.arrived(about.address) ?? false;
      case 'seat':
        return this.#visits.get(about.connection)?.takeSeat() ?? false;
      case 'push': {
        const done = this.#pushes.begin(about.target);
        if (done !== undefined) this.#livePushes.set(about.target, done);
        return done !== undefined;
      }
    }
  }

  #end(how: string | undefined): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const visit of this.#visits.values()) visit.gone(undefined);
    for (const done of this.#livePushes.values()) done();
    for (const watcher of this.#watchers.values()) watcher.over('the session is over');
    this.#visits.clear();
    this.#watchers.clear();
    this.#ready.resolve(how ?? 'it has ended');
    this.#over.resolve(how);
  }
}
