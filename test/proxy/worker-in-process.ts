/** A worker in the process of the test, behind the same messages as one that is a process of its own. */
import type { Socket } from 'node:net';
import type { Post, ToPrimary, ToWorker, WorkerProcess } from '../../src/proxy/crew/messages.ts';
import { runWorker } from '../../src/proxy/crew/worker.ts';
import type { ProxyParts } from '../../src/proxy/service.ts';

export interface InProcessWorker extends WorkerProcess {
  /** Connections that it was handed. */
  readonly admitted: number;
  /** From now on nothing that it is told arrives. */
  hang(): void;
}

export function workerInProcess(parts: ProxyParts): InProcessWorker {
  const toWorker = new Line<ToWorker>();
  const toPrimary = new Line<ToPrimary>();
  void runWorker(endOf(toPrimary, toWorker), parts).then(() => toPrimary.close(undefined));
  const { send, ...rest } = endOf(toWorker, toPrimary);
  let admitted = 0;
  let hangs = false;
  return {
    ...rest,
    send: (message, socket, sent) => {
      if (message.kind === 'connection') admitted++;
      if (!hangs) send(message, socket, sent);
    },
    get admitted() {
      return admitted;
    },
    hang: () => {
      hangs = true;
    },
    pid: 0,
    kill: () => {
      toWorker.close('killed');
      toPrimary.close('SIGKILL');
    },
  };
}

function endOf<Out, In>(out: Line<Out>, into: Line<In>): Post<Out, In> {
  return {
    send: (message, socket, sent) => out.send(message, socket, sent),
    onMessage: listener => into.listen(listener),
    onClosed: listener => into.onClosed(listener),
  };
}

/** One direction. Messages are cloned, and come later than they were sent, as between processes. */
class Line<Message> {
  #listener: (message: Message, socket: Socket | undefined) => void = () => {};
  #closed: (how: string | undefined) => void = () => {};

  send(message: Message, socket: Socket | undefined, sent: ((isSent: boolean) => void) | undefined): void {
    const clone = structuredClone(message);
    setImmediate(() => {
      sent?.(true);
      this.#listener(clone, socket);
    });
  }

  listen(listener: (message: Message, socket: Socket | undefined) => void): void {
    this.#listener = listener;
  }

  onClosed(listener: (how: string | undefined) => void): void {
    this.#closed = listener;
  }

  close(how: string | undefined): void {
    setImmediate(() => this.#closed(how));
  }
}
