/** What a worker is inside: clients from their first byte to their last, and what they need. */
import type { Socket } from 'node:net';
import type { AgentConfig } from '../../config/config.ts';
import { openCertifier } from '../certifier.ts';
import { Client, type ClientParts } from '../door/client.ts';
import { openHostKeys } from '../door/host-key-files.ts';
import { readProxyHeader } from '../door/read-proxy-header.ts';
import { PasswordGuesses } from '../downstream/password-guesses.ts';
import { engineReady } from '../engine/transport.ts';
import { proxyLog } from '../log.ts';
import { rulesOf } from '../rules.ts';
import type { WorkerParts } from '../service.ts';
import type { Question, ToWorker, WorkerEnd } from './messages.ts';
import { unpackConfig } from './packed-config.ts';
import { Watchers } from './watchers.ts';

/** Serves until the primary has said that it may go, and its last session is over. */
export async function runWorker(line: WorkerEnd, parts: WorkerParts): Promise<void> {
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  let worker: Worker | undefined;
  line.onMessage((message, socket) => {
    if (message.kind !== 'start') return worker?.receive(message, socket);
    worker = new Worker(line, parts, unpackConfig(message.config), end);
    void worker.start();
  });
  line.onClosed(how => {
    parts.log.error(`the worker ends: ${how ?? 'its primary has gone'}`);
    worker?.receive({ kind: 'leave', drainMs: 0 }, undefined);
    if (worker === undefined) end();
  });
  await over;
}

class Worker {
  readonly #line: WorkerEnd;
  readonly #parts: WorkerParts;
  readonly #config: AgentConfig;
  readonly #ended: () => void;
  readonly #clients = new Map<number, Client>();
  readonly #questions = new Map<number, (yes: boolean) => void>();
  readonly #watchers: Watchers;
  #asked = 0;
  #clientParts: ClientParts | undefined;
  #close: () => void = () => {};
  #isLeaving = false;

  constructor(line: WorkerEnd, parts: WorkerParts, config: AgentConfig, ended: () => void) {
    this.#line = line;
    this.#parts = parts;
    this.#config = config;
    this.#ended = ended;
    this.#watchers = new Watchers(line);
    parts.log.setDebug(config.debug);
  }

  async start(): Promise<void> {
    const opened = await this.#open().catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    );
    if (typeof opened === 'string') {
      this.#line.send({ kind: 'cannot-start', why: opened });
      return this.#ended();
    }
    this.#clientParts = opened;
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
        const sessions = [...this.#clients.values()].flatMap(client => client.report() ?? []);
        return this.#line.send({ kind: 'report', question: message.question, sessions });
      }
      case 'watch':
        return this.#watchers.add(message.watcher, this.#clientOf(message.id)?.session?.view);
      case 'unwatch':
        return this.#watchers.remove(message.watcher);
    }
  }

  /** A string says why it cannot be. */
  async #open(): Promise<ClientParts | string> {
    const { proxy, policy, identity, throttle } = this.#config;
    const { clock, random } = this.#parts;
    const log = proxyLog(this.#parts.log);
    await engineReady;
    const hostKeys = openHostKeys(proxy.stateDirectory);
    if (typeof hostKeys === 'string') return hostKeys;
    const certifier = await openCertifier(proxy, () => clock.now());
    if (typeof certifier === 'string') return certifier;
    const memory = this.#parts.openMemory(proxy.stateDirectory, {
      begin: async target =>
        (await this.#ask({ kind: 'push', target })) ? () => this.#line.send({ kind: 'push-over', target }) : undefined,
    });
    memory.check();
    const audit = this.#parts.openAudit(proxy.auditFile);
    const servers = this.#parts.openServers(this.#config);
    this.#close = () => {
      servers.close();
      audit.close();
      memory.close();
      certifier.close();
    };
    return {
      hostKeys,
      ident: this.#parts.ident,
      loginTimeoutMs: proxy.loginTimeoutMs,
      login: {
        authenticate: this.#parts.authenticate,
        checkPassword: async (...asked) => await servers.checkPassword(...asked),
        guesses: new PasswordGuesses(memory, throttle, clock),
        verifierFor: service => servers.verifierFor(service),
        services: proxy.services,
        rules: rulesOf({ policy, identity, throttle }),
        memory,
        audit,
        clock,
        random,
      },
      upstream: {
        dial: this.#parts.dial,
        issue: async (passage, address) => await certifier.issue(passage, address),
        revoked: () => certifier.revoked(),
        now: () => clock.now(),
      },
      keyRules: clientAddress => ({
        keys: proxy.keys,
        userCA: certifier.userCA,
        revoked: certifier.revoked(),
        now: clock.now(),
        clientAddress,
      }),
      log,
      session: { directory: proxy.recordDirectory, audit, clock, report: error => log.bug(error) },
    };
  }

  async #admit(
    { connection, address, isBalancer }: Extract<ToWorker, { kind: 'connection' }>,
    socket: Socket | undefined,
  ): Promise<void> {
    const parts = this.#clientParts;
    const isOver = socket === undefined || parts === undefined || this.#isLeaving;
    if (isOver) {
      socket?.destroy();
      return this.#gone(connection, false);
    }
    const from = isBalancer ? await this.#behind(connection, address, socket) : address;
    if (from === undefined || this.#isLeaving) {
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
    if (this.#isLeaving && this.#clients.size === 0) this.#finish();
  }

  #leave(drainMs: number | undefined): void {
    this.#isLeaving = true;
    if (drainMs !== undefined) {
      for (const client of this.#clients.values())
        if (client.session === undefined) client.end('shutting-down', 'The proxy is restarting. Try again.');
      setTimeout(() => this.#endAll(), drainMs).unref();
    }
    if (this.#clients.size === 0) this.#finish();
  }

  #endAll(): void {
    for (const client of this.#clients.values()) client.end('shutting-down', 'The proxy is shutting down.');
    setTimeout(() => this.#finish(), lastWordsMs).unref();
  }

  #finish(): void {
    this.#close();
    this.#close = () => {};
    this.#ended();
  }

  #clientOf(id: string): Client | undefined {
    return [...this.#clients.values()].find(client => client.session?.id === id);
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
