import type { ReadStream } from 'node:tty';
import type { Answer, Conversation } from '../auth/conversation.ts';
import { replaceStandardError } from '../host/say.ts';
import { Secret } from '../otp/secret.ts';
import { holdKeys } from './keys.ts';
import { LineEditor } from './line-editor.ts';
import { openTty } from './open-tty.ts';

export interface Terminal extends Conversation {
  /** Ends an open question as cancelled, waits until all is written (or the terminal gone), and lets go of it. */
  close(): Promise<void>;
}

/** The person at this session's terminal. Undefined if it has none. */
export function openTerminal(): Terminal | undefined {
  replaceStandardError(); // closing the terminal asks for it
  const terminal = new OpenTerminal();
  return terminal.open() ? terminal : undefined;
}

/** What clears the line of a prompt, so that it can be written again or something else in its place. */
const clearLine = '\r\x1b[K';

interface Question {
  readonly prompt: string;
  readonly echo: boolean;
  readonly editor: LineEditor;
  /** What of the answer is on the screen. */
  shown: string;
  end(answer: Answer): void;
}

class OpenTerminal implements Terminal {
  readonly interactive = true;
  readonly canWithdraw = true;
  readonly answersOnce = false;
  #stream: ReadStream | undefined;
  #fd = -1;
  #question: Question | undefined;

  open(): boolean {
    const tty = openTty(byte => this.#take(byte));
    if (tty === undefined) return false;
    const { stream } = tty;
    this.#fd = tty.fd;
    this.#stream = stream;
    stream.on('error', () => {}); // EIO: hung up; 'close' follows
    stream.on('close', () => {
      this.#stream = undefined;
      this.#question?.end({ kind: 'cancelled' });
    });
    return true;
  }

  promptEchoOn(text: string, withdraw?: AbortSignal): Promise<Answer> {
    return this.#ask(text, true, withdraw);
  }

  promptEchoOff(text: string, withdraw?: AbortSignal): Promise<Answer> {
    return this.#ask(text, false, withdraw);
  }

  textInfo(text: string): void {
    const open = this.#question;
    this.#write(open === undefined ? `${text}\n` : `${clearLine}${text}\n${open.prompt}${open.shown}`);
  }

  errorMsg(text: string): void {
    this.textInfo(text);
  }

  async close(): Promise<void> {
    this.#question?.end({ kind: 'cancelled' });
    const stream = this.#stream;
    if (stream === undefined) return;
    await new Promise<void>(resolve => {
      stream.once('close', resolve);
      stream.write('', () => stream.destroy()); // in its turn: all that was written before is out
    });
  }

  #ask(prompt: string, echo: boolean, withdraw: AbortSignal | undefined): Promise<Answer> {
    if (this.#question !== undefined) throw new Error('a question is open already');
    if (withdraw?.aborted === true) return Promise.resolve({ kind: 'withdrawn' });
    return new Promise(resolve => {
      const giveUp = (): void => end({ kind: 'cancelled' });
      const takeBack = (): void => end({ kind: 'withdrawn' });
      const release = this.#stream === undefined ? undefined : holdKeys(this.#fd, giveUp);
      if (release === undefined) {
        resolve({ kind: 'cancelled' }); // hung up
        return;
      }
      const end = (answer: Answer): void => {
        this.#question = undefined;
        this.#stream?.pause();
        release();
        withdraw?.removeEventListener('abort', takeBack);
        this.#write(answer.kind === 'withdrawn' ? clearLine : '\n');
        resolve(answer);
      };
      withdraw?.addEventListener('abort', takeBack);
      this.#question = { prompt, echo, editor: new LineEditor(), shown: '', end };
      this.#write(prompt);
      this.#stream?.resume();
    });
  }

  /** @returns whether to read on */
  #take(byte: number): boolean {
    const open = this.#question;
    if (open === undefined) return false;
    const effect = open.editor.push(byte);
    if (effect === 'line') open.end({ kind: 'answer', text: new Secret(open.editor.text) });
    if (effect === 'cancel') open.end({ kind: 'cancelled' });
    if (effect === 'changed' && open.echo) this.#show(open);
    return this.#question !== undefined;
  }

  #show(open: Question): void {
    const { text } = open.editor;
    if (text.startsWith(open.shown)) this.#write(text.slice(open.shown.length));
    else this.#write(`${clearLine}${open.prompt}${text}`);
    open.shown = text;
  }

  #write(text: string): void {
    this.#stream?.write(text);
  }
}
