/**
 * Is this shell a login that sshd let in by the new rules? The process of sshd's that serves this connection must have been
 * started after sshd was reloaded: then it is another connection than the one that setup was run from, and it is the proof
 * that one can still log in.
 */
import type { Moment } from './journal.ts';
import { isListener, namesOf, parentOf, startOf } from './moment.ts';

/** @returns why it is not; undefined if it is */
export function whyNoNewLogin(reloaded: Moment, pid = process.pid): string | undefined {
  const connection = connectionOf(pid);
  if (connection === undefined)
    return 'this shell does not come from sshd (a console, or inside of tmux or screen): log in by ssh, and run it there';
  const started = startOf(connection);
  if (started?.boot !== reloaded.boot || started.ticks <= reloaded.ticks)
    return 'this connection is older than the change: open a new one (with ControlMaster: ssh -S none), and run it there';
  return undefined;
}

/** The process that sshd's listener started for the connection `pid` belongs to (`sshd-session` since OpenSSH 9.8). */
function connectionOf(pid: number): number | undefined {
  let connection: number | undefined;
  for (let at = parentOf(pid); at !== undefined && at > 1; at = parentOf(at)) {
    const names = namesOf(at);
    if (isListener(names)) break;
    if (/^sshd(-session)?$/.test(names.name)) connection = at;
  }
  return connection;
}
