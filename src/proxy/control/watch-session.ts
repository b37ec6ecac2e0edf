import type { ReadStream } from 'node:tty';
import { cleanText } from '../../protocol/clean.ts';
import { askProxy } from './ask-proxy.ts';

export interface WatchTerminal {
  /** Undefined if there is no terminal to type and look at. */
  readonly keys: Pick<ReadStream, 'setRawMode' | 'on' | 'off' | 'resume' | 'pause'> | undefined;
  /** What the session's terminal shows, as it is. */
  readonly show: (output: Buffer) => void;
  readonly say: (line: string) => void;
}

/**
 * Shows what a session's terminal shows, until it is over or the watcher leaves. Nothing of the watcher goes there; what
 * their terminal answers to the session's escape sequences is swallowed, so that no shell reads it afterwards.
 *
 * @returns why nothing could be watched; undefined if it could
 */
export async function watchSession(
  stateDirectory: string,
  id: string,
  { keys, show, say }: WatchTerminal,
): Promise<string | undefined> {
  const leave = new AbortController();
  const swallow = (typed: Buffer): void => {
    if (typed.equals(ctrlC) || typed.equals(q)) leave.abort();
  };
  keys?.setRawMode(true);
  keys?.on('data', swallow).resume();
  try {
    for await (const reply of askProxy(stateDirectory, { ask: 'watch', id }, leave.signal)) {
      if (reply.kind === 'refused') return reply.why;
      if (reply.kind === 'done') say(`Watching ${id}.${keys === undefined ? '' : ' Leave with q.'}`);
      if (reply.kind === 'output') show(Buffer.from(reply.data, 'base64'));
      if (reply.kind === 'over') say(`\r\nThe session is over: ${cleanText(reply.why, 200)}`);
    }
    return undefined;
  } finally {
    if (keys !== undefined) show(sane);
    keys?.setRawMode(false);
    keys?.off('data', swallow).pause();
  }
}

const ctrlC = Buffer.of(3);
const q = Buffer.from('q');
/** Leaves the alternate screen, shows the cursor, ends colours and mouse reports. */
const sane = Buffer.from('\u001b[?1049l\u001b[?25h\u001b[0m\u001b[?1000l\u001b[?1002l\u001b[?1003l\u001b[?2004l\r\n');
