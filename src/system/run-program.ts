import { execFile } from 'node:child_process';

/** How a program of this host ended, and what it said. */
export type Ran =
  | { readonly kind: 'ran'; readonly status: number; readonly stdout: string; readonly stderr: string }
  /** It could not be started, was killed, or had to be. `why` is in our own words. */
  | { readonly kind: 'failed'; readonly why: string };

export interface RunLimits {
  readonly timeoutMs: number;
  /** Of each stream. */
  readonly maxBytes: number;
}

const usualLimits: RunLimits = { timeoutMs: 10_000, maxBytes: 256 * 1024 };

/** Runs a program without a shell: an environment of our own, nothing to read, bounded in time and output. Never throws. */
export async function runProgram(
  program: string,
  words: readonly string[],
  { timeoutMs, maxBytes }: RunLimits = usualLimits,
): Promise<Ran> {
  return await new Promise(resolve => {
    const options = {
      cwd: '/',
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      timeout: timeoutMs,
      maxBuffer: maxBytes,
      killSignal: 'SIGKILL',
    } as const;
    const child = execFile(program, words, options, (error, stdout, stderr) => {
      if (error === null) resolve({ kind: 'ran', status: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ kind: 'ran', status: error.code, stdout, stderr });
      else resolve({ kind: 'failed', why: `${program} ${whyOf(error, timeoutMs)}` });
    });
    child.stdin?.on('error', () => {}).end();
  });
}

function whyOf(error: { code?: unknown; signal?: unknown; killed?: boolean }, timeoutMs: number): string {
  switch (error.code) {
    case 'ENOENT':
      return 'is not there';
    case 'EACCES':
      return 'must not be run';
    case 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER':
      return 'said too much';
    default:
      if (error.killed === true) return `did not end within ${timeoutMs} ms`;
      return typeof error.signal === 'string' ? `was killed by ${error.signal}` : 'could not be run';
  }
}
