/**
 * A session in a terminal of our own, so that what it shows can be recorded. Only here is node-pty loaded.
 */
import { spawnSync } from 'node:child_process';
import { isSea } from 'node:sea';
import type { RecordChannel } from '../relay/record-channel.ts';
import type { Window } from './asciicast.ts';
import { type RecordedShell, recordedShellArguments, systemPath } from './recorded-shell.ts';
import { Recorder } from './recorder.ts';
import { type Ending, notRecorded, TerminalRelay, windowOf } from './terminal-relay.ts';

/** Runs the session to its end. Descriptors 0 and 1 are a terminal, and on return it is as it was before. */
export async function runRecordedSession(
  shell: Omit<RecordedShell, 'modes'>,
  channel: RecordChannel,
  now: () => number,
): Promise<Ending> {
  const recorder = new Recorder(channel, now);
  const window = windowOf(process.stdout);
  const { TERM = '', SHELL = '' } = process.env;
  try {
    await recorder.begin(window, { TERM, SHELL });
  } catch (error) {
    return notRecorded(error);
  }

  const modes = stty('-g').trim();
  const pty = await startShell({ ...shell, modes }, window);
  stty('raw', '-echo');
  try {
    return await new TerminalRelay(pty, recorder, process.stdin, process.stdout).run(process);
  } finally {
    stty(modes);
    channel.close();
  }
}

async function startShell(shell: RecordedShell, { columns, rows }: Window) {
  const { spawn } = await import('node-pty');
  const program = isSea() ? [] : [...process.execArgv, process.argv[1] ?? ''];
  const { TERM } = process.env;
  // Not by its path: an upgrade may have put another release there while the person was asked.
  return spawn(`/proc/${process.pid}/exe`, [...program, ...recordedShellArguments(shell)], {
    cols: columns,
    rows,
    cwd: process.cwd(),
    env: process.env,
    encoding: null, // bytes: not every session speaks UTF-8
    ...(TERM !== undefined && { name: TERM }),
  });
}

/** On our terminal. Not by Node's setRawMode, which leaves output processing on: a second time, since the pty has its own. */
function stty(...words: string[]): string {
  const { stdout } = spawnSync('stty', words, {
    stdio: ['inherit', 'pipe', 'ignore'],
    env: systemPath,
    encoding: 'utf8',
  });
  return stdout;
}
