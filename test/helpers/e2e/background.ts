/** A program that runs while the test does, and what it prints. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { until } from './until.ts';

export interface Finished {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd?: string;
  /** Given, then end of input. Undefined: nothing to read. */
  readonly input?: string;
}

export const plainEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
};

export class Background {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  stdout = '';
  stderr = '';
  #closed = false;

  constructor(command: readonly [string, ...string[]], options: StartOptions = {}) {
    const [program, ...args] = command;
    const { input, env = {}, ...rest } = options;
    this.child = spawn(program, args, {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { ...plainEnvironment, ...env },
      ...rest,
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.child.stdin?.on('error', () => {}).end(input);
    this.finished = this.#finish();
  }

  /** The first match of `pattern` in what was printed so far, or comes soon. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    return await until(
      () => `${String(pattern)} from ${this.child.spawnfile}; it printed:\n${this.stdout}${this.stderr}`,
      () => {
        const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
        if (match === null && this.#closed)
          throw new Error(
            `${this.child.spawnfile} ended (status ${this.child.exitCode}): ${this.stdout}${this.stderr}`,
          );
        return match ?? undefined;
      },
    );
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    this.child.kill(signal);
    return await this.finished;
  }

  async #finish(): Promise<Finished> {
    await once(this.child, 'close'); // not 'exit', after which there is still something to read
    this.#closed = true;
    const { exitCode: status, signalCode: signal } = this.child;
    return { status, signal, stdout: this.stdout, stderr: this.stderr };
  }
}

/** Runs a program to its end. */
export async function run(command: readonly [string, ...string[]], options?: StartOptions): Promise<Finished> {
  return await new Background(command, options).finished;
}
