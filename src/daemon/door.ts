import type { Socket } from 'node:net';
import { decodeDoorMessage, encodeDaemonMessage } from '../protocol/codec.ts';
import { LineSplitter } from '../protocol/line.ts';
import type { DaemonMessage, DecisionMessage, DoorMessage } from '../protocol/messages.ts';
import { Exchange } from '../protocol/states.ts';

export interface DoorListener {
  message(message: DoorMessage): void;
  /** Nothing more will come: the peer has closed, or (`violation`) said what it may not say. Called once. */
  gone(violation?: string): void;
}

/** The daemon's end of one connection: lines in, lines out, every one of them checked against the state table. */
export class Door {
  readonly #socket: Socket;
  readonly #exchange = new Exchange();
  readonly #lines = new LineSplitter();
  #listener: DoorListener | undefined;
  #isGone = false;
  #messages = 0;

  constructor(socket: Socket, listener: DoorListener) {
    this.#socket = socket;
    this.#listener = listener;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#gone());
    socket.on('close', () => this.#gone());
    socket.on('error', () => this.#gone());
  }

  /** From now on somebody else listens. */
  handOver(listener: DoorListener): void {
    if (this.#isGone) listener.gone();
    else this.#listener = listener;
  }

  send(message: DaemonMessage): void {
    if (this.#exchange.fromDaemon(message) !== 'taken' || !this.#socket.writable) return;
    this.#socket.write(encodeDaemonMessage(message));
    // A peer that never reads: what it is owed stays small, or it is none any more.
    if (this.#socket.writableLength > maxUnread) this.#socket.destroy();
  }

  /** Says the last word and closes. What still arrives is read and dropped for a moment, so that the word gets there. */
  finish(decision: DecisionMessage): void {
    this.#listener = undefined;
    this.send(decision);
    if (this.#socket.destroyed) return;
    this.#socket.end();
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.destroy(), lingerMs);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  /** Says the last word, if there was none yet, and closes at once: for those whom there is no room to wait for. */
  refuse(decision: DecisionMessage): void {
    this.send(decision);
    this.close();
  }

  close(): void {
    this.#listener = undefined;
    this.#socket.destroy();
  }

  /** Calls back when the descriptor is given back, which is not before the peer has read the last word or time is up. */
  whenClosed(callback: () => void): void {
    if (this.#socket.destroyed) callback();
    else this.#socket.once('close', callback);
  }

  /** Back-pressure: a recording that is not written yet is not read on either. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  #read(chunk: Buffer): void {
    if (this.#listener === undefined) return;
    const { lines, overlong } = this.#lines.push(chunk);
    for (const line of lines) {
      const violation = this.#receive(line);
      if (violation !== undefined) return this.#gone(violation);
    }
    if (overlong) this.#gone('an endless line');
  }

  #receive(line: string): string | undefined {
    const message = decodeDoorMessage(line);
    if (message === undefined) return 'not a message of the protocol';
    if (message.kind !== 'record' && ++this.#messages > maxMessages) return 'too many messages';
    const verdict = this.#exchange.fromDoor(message);
    if (verdict === 'refused') return `${message.kind} in the state ${this.#exchange.state}`;
    if (verdict === 'taken') this.#listener?.message(message);
    return undefined;
  }

  #gone(violation?: string): void {
    const listener = this.#listener;
    this.#listener = undefined;
    this.#isGone = true;
    listener?.gone(violation);
  }
}

/** More than any dialogue needs; what a peer could make us do for nothing ends here. */
const maxMessages = 1_000;
const maxUnread = 65_536;
const lingerMs = 1_000;
