/** What a worker is inside: clients from their first byte to their last, and what they need. */
import type { Socket } from 'node:net';
import type { AgentConfig } from '../../config/config.ts';
import { Client } from '../door/client.ts';
import { readProxyHeader } from '../door/read-proxy-header.ts';
import { processSamples } from '../metrics/process-samples.ts';
import { openProxy, type Proxy } from '../proxy.ts';
import type { ProxyParts } from '../service.ts';
import type { Question, ToWorker, WorkerEnd } from './messages.ts';
import { unpackConfig } from './packed-config.ts';
import { Watchers } from './watchers.ts';

/** Serves until the primary has said that it may go, and its last session is over. */
export async function runWorker(line: WorkerEnd, parts: ProxyParts): Promise<void> {
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  let worker: Worker | undefined;
  line.onMessage((message, socket) => {
    if (message.kind !== 'start') return worker?.receive(message, socket);
    if (message.release !== parts.release) {
      const why = `the program is release ${parts.release} by now, and the proxy that runs is ${message.release}: restart it`;
      line.send({ kind: 'cannot-start', why, isFinal: true });
      return end();
    }
    worker = new Worker(line, parts, unpackConfig(message.config), end);
    void worker.start();
  });
  let isOver = false;
  line.onClosed(how => {
    if (isOver) return; // by ourselves
    parts.log.error(`the worker ends: ${how ?? 'its primary has gone'}`);
    worker?.receive({ kind: 'leave', drainMs: 0 }, undefined);
    if (worker === undefined) end();
  });
  await over;
  isOver = true;
}

class Worker {
  readonly #line: WorkerEnd;
  readonly #parts: ProxyParts;
  readonly #config: AgentConfig;
  readonly #ended: () => void;
  readonly #clients = new Map<number, Client>();
  /** Of balancers that have not said yet for whom they speak. */
  readonly #arriving = new Set<Socket>();
  readonly #questions = new Map<number, (yes: boolean) => void>();
  readonly #watchers: Watchers;
  #asked = 0;
  #proxy: Proxy | undefined;
  #isLeaving = false;
  #isFinishing = false;

  constructor(line: WorkerEnd, parts: ProxyParts, config: AgentConfig, ended: () => void) {
    this.#line = line;
    this.#parts = parts;
    this.#config = config;
    this.#ended = ended;
    this.#watchers = new Watchers(line);
    parts.log.setDebug(config.debug);
  }

  async start(): Promise<void> {
    const opened = await openProxy(this.#config, this.#parts, {
      begin: async target =>
        (await this.#ask({ kind: 'push', target })) ? () => this.#line.send({ kind: 'push-over', target }) : undefined,
    }).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
    if (typeof opened === 'string' || 'final' in opened) {
      const trouble =
        typeof opened === 'string' ? { why: opened, isFinal: false } : { why: opened.final, isFinal: true };
      this.#line.send({ kind: 'cannot-start', ...trouble });
      return this.#ended();
    }
    if (this.#isLeaving) return await opened.close();
    this.#proxy = opened;
    this.#line.send({ kind: 'ready' });
  }

  receive(message: Exclude<ToWorker, { kind: 'start' }>, socket: Socket | undefined): void {
    switch (message.kind) {
      case 'connection':
        return void this.#admit(message, socket);
      case 'answer':
        this.#questions.get(message.question)?.(message.yes);
        this.#questions.delete(message.question);
        return;
      case 'leave':
        return this.#leave(message.drainMs);
      case 'end-session':
        return this.#clientOf(message.id)?.end('shutting-down', message.why);
      case 'report': {
        const report = {
          sessions: [...this.#clients.values()].flatMap(client => client.report() ?? []),
          counted: this.#proxy?.counters.samples ?? [],
          process: processSamples('worker'),
        };
        return this.#line.send({ kind: 'report', question: message.question, report });
      }
      case 'watch':
        return this.#watchers.add(message.watcher, this.#clientOf(message.id)?.session?.view);
      case 'unwatch':
        return this.#watchers.remove(message.watcher);
    }
  }

  async #admit(
    { connection, address, isBalancer }: Extract<ToWorker, { kind: 'connection' }>,
    socket: Socket | undefined,
  ): Promise<void> {
    const parts = this.#proxy?.clients;
    const isOver = socket === undefined || parts === undefined || this.#isLeaving;
    if (isOver) {
      socket?.destroy();
      return this.#gone(connection, false);
    }
    this.#arriving.add(socket);
    const from = isBalancer ? await this.#behind(connection, address, socket) : address;
    this.#arriving.delete(socket);
    if (from === undefined || socket.destroyed) {
      socket.destroy();
      return this.#gone(connection, false);
    }
    const client = new Client(socket, from, parts, {
      takeSeat: async () => await this.#ask({ kind: 'seat', connection }),
      loggedIn: id => this.#line.send({ kind: 'logged-in', connection, id }),
      failed: () => this.#line.send({ kind: 'failed', connection }),
      gone: timedOut => this.#gone(connection, timedOut),
    });
    this.#clients.set(connection, client);
    socket.resume();
  }

  /** For whom the balancer speaks, if they may come in. */
  async #behind(connection: number, balancer: string, socket: Socket): Promise<string | undefined> {
    const header = await readProxyHeader(socket, this.#parts.headerMs ?? usualHeaderMs);
    if (header.kind === 'malformed') {
      this.#parts.log.info('no PROXY header', { client: balancer, why: header.why });
      return undefined;
    }
    if (header.kind === 'balancer') return balancer;
    const { address } = header;
    return (await this.#ask({ kind: 'arrival', connection, address })) ? address : undefined;
  }

  #gone(connection: number, timedOut: boolean): void {
    this.#clients.delete(connection);
    this.#line.send({ kind: 'gone', connection, timedOut });
    if (this.#isLeaving) this.#finishIfEmpty();
  }

  #leave(drainMs: number | undefined): void {
    this.#isLeaving = true;
    if (drainMs !== undefined) {
      for (const client of this.#clients.values())
        if (!client.isSession) client.end('shutting-down', 'The proxy is restarting. Try again.');
      for (const socket of this.#arriving) socket.destroy();
      setTimeout(() => this.#endAll(), drainMs).unref();
    }
    this.#finishIfEmpty();
  }

  #finishIfEmpty(): void {
    if (this.#clients.size === 0 && this.#arriving.size === 0) void this.#finish();
  }

  #endAll(): void {
    for (const client of this.#clients.values()) client.end('shutting-down', 'The proxy is shutting down.');
    setTimeout(() => void this.#finish(), lastWordsMs).unref();
  }

  /** When all recordings are sealed. */
  async #finish(): Promise<void> {
    if (this.#isFinishing) return;
    this.#isFinishing = true;
    const proxy = this.#proxy;
    this.#proxy = undefined;
    try {
      await proxy?.close();
    } catch (error) {
      this.#parts.log.error(`the worker's end: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (proxy !== undefined) this.#line.send({ kind: 'counted', counted: proxy.counters.samples });
    this.#ended();
  }

  #clientOf(id: string): Client | undefined {
    return [...this.#clients.values()].find(client => client.session?.facts.id === id);
  }

  async #ask(about: Question): Promise<boolean> {
    const question = ++this.#asked;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#questions.set(question, resolve);
    this.#line.send({ kind: 'ask', question, about });
    return await promise;
  }
}

/** The balancer's header comes with its connection. */
const usualHeaderMs = 5_000;
const lastWordsMs = 3_000;
