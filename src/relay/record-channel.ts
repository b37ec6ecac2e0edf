import type { Socket } from 'node:net';
import { decodeDaemonMessage, encodeDoorMessage } from '../protocol/codec.ts';
import { LineSplitter } from '../protocol/line.ts';
import { maxRecordChunk } from '../protocol/messages.ts';

/**
 * Carries a session's recording to the daemon, which keeps it out of the user's reach. The first line is the asciicast
 * header, the others are events.
 */
export interface RecordChannel {
  /** Settles when the daemon has the line; rejects if it never will, and then the session must end. */
  write(eventLine: string): Promise<void>;
  /** Ends the recording. Lines not yet acknowledged are still delivered. */
  close(): void;
}

/** The daemon writes to a file only; if that takes longer, the recording is lost. */
const defaultAcknowledgeMs = 10_000;

/** @param socket connected, in the state `recording`, with no listeners */
export function openRecordChannel(socket: Socket, acknowledgeMs: number = defaultAcknowledgeMs): RecordChannel {
  const lines = new LineSplitter();
  const waiting: PromiseWithResolvers<void>[] = [];
  let failure: Error | undefined;

  const fail = (why: string): void => {
    failure ??= new Error(`recording ended: ${why}`);
    for (const { reject } of waiting.splice(0)) reject(failure);
    socket.destroy();
  };
  socket.on('data', (chunk: Buffer) => {
    const { lines: texts, overlong } = lines.push(chunk);
    for (const text of texts) {
      const acknowledged = decodeDaemonMessage(text)?.kind === 'recorded' ? waiting.shift() : undefined;
      if (acknowledged === undefined) return fail('the daemon is not understood');
      acknowledged.resolve();
    }
    if (overlong) fail('the daemon is not understood');
  });
  socket.on('error', error => fail(error.message));
  socket.on('close', () => fail('the daemon closed the connection'));
  if (socket.destroyed) fail('the daemon closed the connection');

  return {
    async write(eventLine) {
      if (failure !== undefined) throw failure;
      if (Buffer.byteLength(eventLine) > maxRecordChunk) throw new RangeError('an event line is too long');
      const acknowledged = Promise.withResolvers<void>();
      waiting.push(acknowledged);
      const deadline = setTimeout(() => fail('no acknowledgement in time'), acknowledgeMs);
      socket.write(encodeDoorMessage({ kind: 'record', line: eventLine }));
      await acknowledged.promise.finally(() => clearTimeout(deadline));
    },
    close() {
      failure ??= new Error('recording ended: closed');
      socket.end();
    },
  };
}
