import { StringDecoder } from 'node:string_decoder';
import type { ReadStream } from 'node:tty';
import { cleanText } from '../../protocol/clean.ts';
import { asBefore, TerminalFilter } from '../recording/terminal-filter.ts';
import { askProxy } from './ask-proxy.ts';

export interface WatchTerminal {
  /** Undefined if there is no terminal to type and look at. */
  readonly keys: Pick<ReadStream, 'setRawMode' | 'on' | 'off' | 'resume' | 'pause'> | undefined;
  /** What the session's terminal shows: for `keys` what draws, else as it is. */
  readonly show: (output: Buffer | string) => void;
  readonly say: (line: string) => void;
}

/**
 * Shows what a session's terminal shows, until it is over or the watcher leaves. Nothing of the watcher goes there, and
 * what their terminal might answer by itself is swallowed, so that no shell reads it afterwards.
 *
 * @returns why nothing could be watched; undefined if it could
 */
export async function watchSession(
  stateDirectory: string,
  id: string,
  { keys, show, say }: WatchTerminal,
): Promise<string | undefined> {
  const leave = new AbortController();
  const screen = keys === undefined ? undefined : new Screen();
  const swallow = (typed: Buffer): void => {
    if (typed.equals(ctrlC) || typed.equals(q)) leave.abort();
  };
  keys?.setRawMode(true);
  keys?.on('data', swallow).resume();
  try {
    for await (const reply of askProxy(stateDirectory, { ask: 'watch', id }, leave.signal)) {
      if (reply.kind === 'refused') return reply.why;
      if (reply.kind === 'done') say(`Watching ${id}.${keys === undefined ? '' : ' Leave with q.'}`);
      if (reply.kind === 'output') {
        const output = Buffer.from(reply.data, 'base64');
        show(screen === undefined ? output : screen.write(output));
      }
      if (reply.kind === 'over') say(`\r\nThe session is over: ${cleanText(reply.why, 200)}`);
    }
    return undefined;
  } finally {
    if (keys !== undefined) show(`${asBefore}\r\n`);
    keys?.setRawMode(false);
    keys?.off('data', swallow).pause();
  }
}

const ctrlC = Buffer.of(3);
const q = Buffer.from('q');

/** Whoever is looked at may want more of the terminal than to draw: its clipboard, its title, its answers. */
class Screen {
  readonly #filter = new TerminalFilter();
  /** A character may be cut in two. */
  readonly #decoder = new StringDecoder('utf8');

  write(output: Buffer): string {
    return this.#filter.write(this.#decoder.write(output));
  }
}
