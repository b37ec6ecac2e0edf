/**
 * What undoes everything unless somebody confirms it: a timer of systemd's, or a process of its own, which both outlive
 * setup; and for a reboot before that, a unit (or a line of cron's) that comes with the files and goes with them.
 */
import { spawn } from 'node:child_process';
import { existsSync, rmdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { runProgram } from '../system/run-program.ts';
import { type SetupHost, type Trouble, trouble } from './host.ts';
import type { Change } from './journal.ts';
import { rootsFile } from './place-file.ts';

/** One that is set is not taken back: it looks for its own journal only, and finds none. */
export async function setTimer(host: SetupHost, id: string, afterMs: number): Promise<Trouble | undefined> {
  const seconds = Math.max(1, Math.ceil(afterMs / 1000));
  const revert = [host.agent, 'setup', '--revert', '--journal', id];
  if (host.hasSystemd) {
    const ran = await runProgram('/usr/bin/systemd-run', [
      '--quiet',
      '--collect',
      `--unit=trasa-agent-setup-revert-${id}`,
      '--description=Undoes trasa-agent setup unless it is confirmed',
      `--on-active=${seconds}s`,
      '--timer-property=AccuracySec=1s',
      ...revert,
    ]);
    if (ran.kind === 'ran' && ran.status === 0) return undefined;
    return trouble(`cannot set a timer: ${ran.kind === 'ran' ? ran.stderr.trim() : ran.why}`);
  }
  // A session and descriptors of its own: neither a hang-up nor the end of setup reaches it.
  const script = 'sleep "$1" && shift && exec "$@"';
  const child = spawn('/bin/sh', ['-c', script, 'trasa-agent-setup-revert', String(seconds), ...revert], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  return await new Promise(resolve => {
    child.once('error', error => resolve(trouble(`cannot start a process that undoes it: ${error.message}`)));
    child.once('spawn', () => {
      child.unref();
      resolve(undefined);
    });
  });
}

/** Files that are there while a confirmation is waited for. */
export function bootChanges({ hasSystemd, agent, paths }: SetupHost): Change[] {
  const files: readonly (readonly [string, string])[] = hasSystemd
    ? [
        [paths.bootUnit, unit(agent, paths.directory)],
        [paths.bootWants, `[Unit]\nWants=${basename(paths.bootUnit)}\n`],
      ]
    : existsSync(dirname(paths.bootCron))
      ? [[paths.bootCron, cronLine(agent)]]
      : [];
  return files.map(([path, text]) => ({ path, before: undefined, after: rootsFile(text) }));
}

/** A directory that came with them goes with them. */
export function tidyBoot({ paths }: SetupHost): void {
  try {
    rmdirSync(dirname(paths.bootWants));
  } catch {
    // it is not there, or somebody else has something in it
  }
}

function unit(agent: string, directory: string): string {
  return `# Made by trasa-agent setup, and gone once it is confirmed or undone.
[Unit]
Description=Undo trasa-agent setup, which nobody has confirmed before this boot
ConditionPathExistsGlob=${directory}/*.json
RequiresMountsFor=${directory}
Before=ssh.service sshd.service ssh.socket

[Service]
Type=oneshot
ExecStart=${agent} setup --revert
`;
}

function cronLine(agent: string): string {
  return `# Made by trasa-agent setup, and gone once it is confirmed or undone.
@reboot root ${agent} setup --revert
`;
}
