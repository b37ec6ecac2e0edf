/** The lines that the daemon or the proxy wrote: from its audit file, or from the journal. */
import { spawn } from 'node:child_process';
import { createReadStream, existsSync, lstatSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface LogSource {
  /** Empty: the journal. */
  readonly auditFile: string;
  /** Whose owner writes to the journal, too, for logins without a daemon. */
  readonly stateDirectory: string;
  /** Milliseconds since 1970; older lines may be left out. */
  readonly since: number | undefined;
  /** Whose journal it is; undefined: the daemon's. */
  readonly unit?: string;
  /** journalctl(1), if not the system's. */
  readonly journalctl?: string;
}

/** Calls `take` for each line, oldest first. A string says why there are none to be had. */
export async function eachLine(source: LogSource, take: (line: string) => void): Promise<string | undefined> {
  return source.auditFile === '' ? await fromJournal(source, take) : await fromFile(source.auditFile, take);
}

/** The file that logrotate(8) put aside last, if it is not compressed, and the file itself. */
async function fromFile(path: string, take: (line: string) => void): Promise<string | undefined> {
  try {
    if (existsSync(`${path}.1`)) await linesOf(createReadStream(`${path}.1`), take);
    await linesOf(createReadStream(path), take);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function fromJournal(
  { stateDirectory, since, unit = 'trasa-agent.service', journalctl = 'journalctl' }: LogSource,
  take: (line: string) => void,
): Promise<string | undefined> {
  const after = since === undefined ? [] : [`--since=@${Math.floor(since / 1000)}`];
  // Matches of what the journal itself knows of the sender: nobody else can write such lines (systemd.journal-fields(7)).
  const matches = [`_SYSTEMD_UNIT=${unit}`, ...ownerMatch(stateDirectory)];
  const journal = spawn(journalctl, ['--quiet', '--no-pager', '--output=cat', ...after, ...matches], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  const complaints: string[] = [];
  const ended = new Promise<string | undefined>(resolve => {
    journal.on('error', error => resolve(`no auditFile is set, and the journal cannot be read: ${error.message}`));
    journal.on('close', status =>
      resolve(status === 0 ? undefined : `journalctl ended with status ${status}: ${complaints.slice(0, 3).join(' ')}`),
    );
  });
  await Promise.all([linesOf(journal.stdout, take), linesOf(journal.stderr, line => void complaints.push(line))]);
  return await ended;
}

/** `agent=` of pam_trasa logs by syslog, facility authpriv (10), as the owner of the state. */
function ownerMatch(stateDirectory: string): readonly string[] {
  const owner = lstatSync(stateDirectory, { throwIfNoEntry: false });
  return owner === undefined || owner.uid === 0 ? [] : ['+', 'SYSLOG_FACILITY=10', `_UID=${owner.uid}`];
}

async function linesOf(stream: Readable, take: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) take(line);
}
