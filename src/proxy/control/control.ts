/**
 * The control socket, by which whoever administers the proxy sees its sessions and ends them, and whom it keeps out. It lies in the state
 * directory with mode 0600; besides, the kernel says who calls, and that is root or the proxy's own user.
 */

import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { AuditNotes } from '../../audit/audit-log.ts';
import { type PeerCredentials, peerCredentials } from '../../host/peer.ts';
import { removeStaleSocket } from '../../host/stale-socket.ts';
import type { RunningProxy } from '../../system/proxy-standing.ts';
import type { Crew } from '../crew/crew.ts';
import type { Visits } from '../door/visits.ts';
import type { ProxyLog } from '../log.ts';
import { type ControlReply, type ControlRequest, controlSocketIn, maxRequestBytes, parseRequest } from './messages.ts';

/** Of output that a watcher has not taken yet. */
const maxWaiting = 1024 * 1024;
const requestMs = 5_000;

export interface ControlPorts {
  readonly crew: Pick<Crew, 'report' | 'memberWith' | 'size'>;
  readonly visits: Pick<Visits, 'keptOut' | 'forgive'>;
  readonly audit: AuditNotes;
  readonly log: ProxyLog;
  /** What the primary knows of itself. */
  readonly about: () => Pick<RunningProxy, 'since' | 'port' | 'release'>;
}

/** Rejects if it cannot listen. */
export async function openControl(stateDirectory: string, ports: ControlPorts): Promise<{ close(): void }> {
  const { log } = ports;
  const path = controlSocketIn(stateDirectory);
  await removeStaleSocket(path, 'proxy');
  const callers = new Set<Caller>();
  const server = createServer(socket => {
    socket.on('error', () => {});
    const peer = peerCredentials(socket);
    if (peer === undefined || (peer.uid !== 0 && peer.uid !== process.geteuid?.())) return void socket.destroy();
    const caller = new Caller(socket, peer, ports);
    callers.add(caller);
    socket.once('close', () => callers.delete(caller));
  });
  server.listen({ path });
  await once(server, 'listening');
  chmodSync(path, 0o600);
  server.on('error', error => log.error(`control socket: ${error.message}`));
  return {
    close: () => {
      server.close();
      for (const caller of callers) caller.hangUp();
    },
  };
}

/** One connection: a request, and what it is answered. */
class Caller {
  readonly #socket: Socket;
  readonly #peer: PeerCredentials;
  readonly #ports: ControlPorts;
  #line = '';
  #isWatching = false;

  constructor(socket: Socket, peer: PeerCredentials, ports: ControlPorts) {
    this.#socket = socket;
    this.#peer = peer;
    this.#ports = ports;
    socket.setEncoding('utf8').setTimeout(requestMs, () => socket.destroy());
    const read = (text: string): void => {
      this.#line += text;
      const [line = '', ...rest] = this.#line.split('\n');
      if (rest.length === 0 && line.length <= maxRequestBytes) return;
      socket.off('data', read).setTimeout(0);
      socket.resume(); // nothing that a watcher says goes anywhere
      void this.#answer(rest.length === 0 ? undefined : parseRequest(line));
    };
    socket.on('data', read);
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  async #answer(request: ControlRequest | undefined): Promise<void> {
    try {
      await this.#reply(request);
    } catch (error) {
      this.#ports.log.error(`control socket: ${error instanceof Error ? error.message : String(error)}`);
      this.#say({ kind: 'refused', why: 'the audit log cannot be written' });
    }
    if (!this.#isWatching) this.#socket.end();
  }

  async #reply(request: ControlRequest | undefined): Promise<void> {
    switch (request?.ask) {
      case undefined:
        return this.#say({ kind: 'refused', why: 'that is no request' });
      case 'status':
        return await this.#status();
      case 'list':
        return await this.#list();
      case 'end':
        return this.#endSession(request.id);
      case 'watch':
        return this.#watch(request.id);
      case 'kept-out':
        return this.#say({ kind: 'kept-out', keptOut: this.#ports.visits.keptOut });
      case 'let-in':
        return this.#letIn(request.address);
    }
  }

  async #status(): Promise<void> {
    const { sessions, silent } = await this.#ports.crew.report();
    const counts = { workers: this.#ports.crew.size, silent, sessions: sessions.length };
    this.#say({ kind: 'status', ...this.#ports.about(), ...counts });
  }

  async #list(): Promise<void> {
    const { sessions, silent } = await this.#ports.crew.report();
    this.#say({ kind: 'sessions', sessions, silent });
  }

  #endSession(id: string): void {
    const member = this.#ports.crew.memberWith(id);
    if (member === undefined) return this.#say(noSuchSession);
    this.#note('ended-by-administrator', { attempt: id });
    member.endSession(id, 'An administrator has ended this session.');
    this.#say({ kind: 'done' });
  }

  #watch(id: string): void {
    const member = this.#ports.crew.memberWith(id);
    if (member === undefined) return this.#say(noSuchSession);
    this.#note('watch-start', { attempt: id }); // before anything is seen
    this.#isWatching = true;
    this.#say({ kind: 'done' });
    const over = (why: string): void => {
      stop();
      this.#say({ kind: 'over', why });
      this.#socket.setTimeout(requestMs, () => this.#socket.destroy()).end(); // should they not even take that
    };
    const stop = member.watch(id, {
      output: data => {
        if (this.#socket.writableLength > maxWaiting) return over('more is shown than can be watched');
        this.#say({ kind: 'output', data: data.toString('base64') });
      },
      over,
    });
    this.#socket.once('close', () => {
      stop();
      try {
        this.#note('watch-end', { attempt: id });
      } catch (error) {
        this.#ports.log.error(`audit log: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
  }

  #letIn(address: string): void {
    this.#note('let-in-by-administrator', { client: address });
    const isForgiven = this.#ports.visits.forgive(address);
    this.#say(isForgiven ? { kind: 'done' } : { kind: 'refused', why: `nothing is held against ${address}` });
  }

  #note(event: string, about: Readonly<Record<string, string>>): void {
    this.#ports.audit.note({ event, ...about, uid: this.#peer.uid, pid: this.#peer.pid });
  }

  #say(reply: ControlReply): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(reply)}\n`);
  }
}

const noSuchSession: ControlReply = { kind: 'refused', why: 'there is no such session' };
