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
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [...script, workerCommand], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
  } catch (error) {
    return stillborn(error instanceof Error ? error.message : String(error)); // ENOMEM, as a rule
  }
  return {
    pid: child.pid ?? 0,
    send: (message, socket, sent) => {
      // An error: it is gone, which onClosed says. Without descriptors for it there is no line at all, and so no send().
      if (child.pid === undefined) sent?.(false);
      else child.send(message, socket, {}, error => sent?.(error === null));
    },
    onMessage: listener => {
      child.on('message', message => listener(fromWorker(message), undefined));
    },
    onClosed: listener => onEnd(child, listener),
    kill: () => void child.kill('SIGKILL'),
  };
}

/** One that could not be started. */
function stillborn(how: string): WorkerProcess {
  return {
    pid: 0,
    send: (_message, _socket, sent) => sent?.(false),
    onMessage: () => {},
    onClosed: listener => void setImmediate(() => listener(how)),
    kill: () => {},
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
