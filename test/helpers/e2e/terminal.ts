/** A program on a terminal, and a person in front of it who waits for words and types. */
import pty from 'node-pty';
import { plainEnvironment } from './background.ts';
import { until } from './until.ts';

/** Whatever a test that failed left running would keep its file from ending. */
const open = new Set<pty.IPty>();
if (process.env['TAP'] === '1') {
  // Not where these helpers only serve a measurement: tap would time that as a test.
  const { default: t } = await import('tap');
  t.teardown(() => {
    for (const terminal of open) terminal.kill('SIGKILL');
  });
}

export class Terminal {
  readonly #pty: pty.IPty;
  /** Everything the terminal showed. */
  output = '';
  #read = 0;
  #exit: { exitCode: number; signal?: number } | undefined;

  constructor(command: readonly [string, ...string[]], size = { cols: 100, rows: 30 }) {
    const [program, ...args] = command;
    this.#pty = pty.spawn(program, args, { ...size, name: 'xterm-256color', cwd: '/', env: { ...plainEnvironment } });
    this.#pty.onData(text => (this.output += text));
    open.add(this.#pty);
    this.#pty.onExit(exit => {
      this.#exit = exit;
      open.delete(this.#pty);
    });
  }

  get pid(): number {
    return this.#pty.pid;
  }

  /** Waits for `pattern` in what was not read yet, and reads up to its end. */
  async expect(pattern: RegExp | string, timeoutMs = 10_000): Promise<RegExpExecArray> {
    const wanted = typeof pattern === 'string' ? new RegExp(pattern.replace(/[^\w\s]/g, '\\$&')) : pattern;
    try {
      return await until(
        String(wanted),
        () => {
          const match = wanted.exec(this.output.slice(this.#read));
          if (match === null && this.#exit !== undefined) throw new Error(`the program ended before ${String(wanted)}`);
          if (match !== null) this.#read += match.index + match[0].length;
          return match ?? undefined;
        },
        timeoutMs,
      );
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : ''}; the terminal shows:\n${this.output}`, {
        cause: error,
      });
    }
  }

  send(text: string): void {
    this.#pty.write(text);
  }

  /**
   * Types Ctrl-C until the program ends, as a person does: sudo and ssh show their prompt a moment before they read, and
   * a signal in between interrupts nothing.
   */
  async interrupt(): Promise<{ exitCode: number; signal?: number }> {
    const typing = setInterval(() => this.send('\u0003'), 500);
    this.send('\u0003');
    try {
      return await this.ended();
    } finally {
      clearInterval(typing);
    }
  }

  resize(cols: number, rows: number): void {
    this.#pty.resize(cols, rows);
  }

  /** The person closes the window. */
  hangUp(): void {
    this.#pty.kill('SIGHUP');
  }

  async ended(timeoutMs = 10_000): Promise<{ exitCode: number; signal?: number }> {
    return await until(`the end; the terminal shows:\n${this.output}`, () => this.#exit, timeoutMs);
  }
}
