import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Connects within ten seconds; rejects with a reason for the log. Each end of the connection closes its own direction. */
export async function dial(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const abort = AbortSignal.any([signal, AbortSignal.timeout(dialMs)]);
  const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
  socket.on('error', () => {}); // later ones than we wait for: they must not be uncaught
  try {
    await once(socket, 'connect', { signal: abort });
    return socket;
  } catch (error) {
    socket.destroy();
    const why = abort.aborted ? 'no answer in time' : error instanceof Error ? error.message : String(error);
    throw new Error(`no connection to ${host}:${port}: ${why}`, { cause: error });
  }
}

const dialMs = 10_000;
