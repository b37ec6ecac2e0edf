import { decodeDaemonMessage, encodeDoorMessage } from '../protocol/codec.ts';
import { LineSplitter } from '../protocol/line.ts';
import { connectTo, usualPausesMs } from './connect.ts';

/**
 * Is there a daemon that speaks our protocol? Connects, and cancels before there is an attempt: the daemon says that it is
 * over, and has begun no login that would be in its log.
 *
 * @returns what is wrong; undefined: it answers
 */
export async function knock(path: string, deadlineMs: number): Promise<string | undefined> {
  const deadline = AbortSignal.timeout(deadlineMs);
  const socket = await connectTo(path, usualPausesMs, deadline);
  if (socket instanceof Error) return socket.message;
  const lines = new LineSplitter();
  return await new Promise(resolve => {
    const finish = (trouble: string | undefined): void => {
      socket.destroy();
      resolve(trouble);
    };
    deadline.addEventListener('abort', () => finish(`no answer within ${deadlineMs} ms`), { once: true });
    socket.on('data', (chunk: Buffer) => {
      const [line] = lines.push(chunk).lines;
      if (line !== undefined)
        finish(decodeDaemonMessage(line)?.kind === 'decision' ? undefined : 'an answer that is not of the protocol');
    });
    socket.on('error', error => finish(error.message));
    socket.on('close', () => finish('closed without an answer'));
    socket.write(encodeDoorMessage({ kind: 'cancel' }));
  });
}
