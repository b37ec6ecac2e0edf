/** The two ends of the line as processes have them: Node's channel between a parent and its child. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { isSea } from 'node:sea';
import type { ToPrimary, ToWorker, WorkerEnd, WorkerProcess } from './messages.ts';

/** What main.ts starts a worker by; not for people. */
export const workerCommand = 'proxy-worker';

/** Starts this program once more. */
export function spawnWorker(): WorkerProcess {
  const script = isSea() ? [] : [...process.execArgv, process.argv[1] ?? ''];
  const child = spawn(process.execPath, [...script, workerCommand], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  return {
    pid: child.pid ?? 0,
    send: (message, socket, sent) => {
      child.send(message, socket, {}, error => sent?.(error === null)); // an error: it is gone, which onClosed says
    },
    onMessage: listener => {
      child.on('message', message => listener(fromWorker(message), undefined));
    },
    onClosed: listener => onEnd(child, listener),
    kill: () => void child.kill('SIGKILL'),
  };
}

/** The line to the primary; undefined if this process was started by somebody else. */
export function lineToPrimary(): WorkerEnd | undefined {
  if (!process.connected) return undefined;
  return {
    send: (message, socket, sent) => {
      process.send?.(message, socket, {}, error => sent?.(error === null)); // likewise
    },
    onMessage: listener => {
      process.on('message', (message, handle) =>
        listener(fromPrimary(message), handle instanceof Socket ? handle : undefined),
      );
    },
    onClosed: listener => {
      process.once('disconnect', () => listener('the primary is gone'));
    },
  };
}

function onEnd(child: ChildProcess, listener: (how: string | undefined) => void): void {
  child.on('error', error => {
    if (child.pid === undefined) listener(error.message); // it could not be started, and has no other end
  });
  child.once('close', (status, signal) => {
    if (status === 0) listener(undefined);
    else listener(signal ?? `exit status ${String(status)}`);
  });
}

/** Both ends are of one program, and nobody else has the line: what comes is what was sent. */
function fromWorker(message: unknown): ToPrimary {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return message as ToPrimary;
}

function fromPrimary(message: unknown): ToWorker {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return message as ToWorker;
}
