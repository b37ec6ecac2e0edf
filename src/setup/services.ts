/** Makes sshd and the daemon read their configuration again. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { peerCredentials } from '../host/peer.ts';
import { encodeDoorMessage } from '../protocol/codec.ts';
import { knock } from '../relay/knock.ts';
import { runProgram } from '../system/run-program.ts';
import { type Connection, effectiveSettings, validateSshd } from '../system/sshd-settings.ts';
import { type SetupHost, type Trouble, trouble } from './host.ts';
import { isListener, namesOf } from './moment.ts';

const systemctl = '/usr/bin/systemctl';
/** Debian's name, then that of others. */
const sshUnits = ['ssh.service', 'sshd.service'] as const;

/**
 * Sshd is told only if it would start with what it will read: on SIGHUP it starts anew. Returns when it has. If
 * none listens there is nobody to be told: whoever starts one makes it read what is there then.
 */
export async function reloadSshd({
  sshd,
  hasSystemd,
}: Pick<SetupHost, 'sshd' | 'hasSystemd'>): Promise<Trouble | undefined> {
  if (listener() === undefined) return undefined;
  const valid = await validateSshd(sshd);
  if (valid.kind === 'failed') return trouble(`sshd would not start with this configuration: ${valid.why}`);
  const settings = await effectiveSettings(sshd, connectionOf('root'));
  if (settings.kind === 'failed') return trouble(`sshd does not say where its PidFile is: ${settings.why}`);
  const pidFile = settings.answer.first('pidfile') ?? 'none';
  const running = runningSshd(pidFile);
  const told = hasSystemd ? await reloadUnits(sshUnits) : 'inactive';
  if (typeof told !== 'string') return told;
  if (running === undefined) return told === 'inactive' ? sshdOutOfReach(pidFile) : undefined;
  if (told === 'inactive') hangUp(running.pid);
  return await startedAnew(running, pidFile);
}

/** For `sshd -T`, where the client does not matter. */
export function connectionOf(user: string): Connection {
  return { user, host: 'localhost', address: '127.0.0.1', localAddress: '127.0.0.1', localPort: 22 };
}

/** Of these units the first that runs. */
async function reloadUnits(units: readonly string[]): Promise<Trouble | 'reloaded' | 'inactive'> {
  for (const unit of units) {
    const active = await runProgram(systemctl, ['is-active', '--quiet', unit]);
    if (active.kind === 'failed') return trouble(`cannot ask systemd: ${active.why}`);
    if (active.status !== 0) continue;
    const ran = await runProgram(systemctl, ['reload', unit]);
    if (ran.kind === 'failed') return trouble(`cannot reload ${unit}: ${ran.why}`);
    return ran.status === 0 ? 'reloaded' : trouble(`cannot reload ${unit}: ${ran.stderr.trim()}`);
  }
  return 'inactive';
}

/** It takes its PidFile away, and writes another one when it has read everything and listens. */
async function startedAnew(running: Running, pidFile: string): Promise<Trouble | undefined> {
  for (let waitedMs = 0; waitedMs < reloadMs; waitedMs += pauseMs) {
    const now = runningSshd(pidFile);
    if (now !== undefined && now.writtenAt !== running.writtenAt) return undefined;
    await pause(pauseMs);
  }
  return trouble(`sshd (process ${running.pid}) did not come back within ${reloadMs / 1000} s after SIGHUP`);
}

/** An sshd that listens, is not in its PidFile, and so would go on as before. */
export function sshdOutOfReach(pidFile: string): Trouble | undefined {
  const pid = runningSshd(pidFile) === undefined ? listener() : undefined;
  if (pid === undefined) return undefined;
  return trouble(
    `cannot reload sshd (process ${pid}): its PidFile, ${pidFile}, does not name it`,
    'start it anew first',
  );
}

function listener(): number | undefined {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .find(pid => isListener(namesOf(pid)));
}

/** If the process has ended meanwhile, there is nobody to be told. */
function hangUp(pid: number): void {
  try {
    process.kill(pid, 'SIGHUP');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

const reloadMs = 5_000;
const pauseMs = 20;

interface Running {
  readonly pid: number;
  readonly writtenAt: bigint;
}

function runningSshd(pidFile: string): Running | undefined {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    const { mtimeNs: writtenAt } = statSync(pidFile, { bigint: true });
    return Number.isInteger(pid) && namesOf(pid).name === 'sshd' ? { pid, writtenAt } : undefined;
  } catch {
    return undefined; // there is none
  }
}

/** The daemon behind this socket; under systemd the socket starts it, if it does not run. */
export async function startDaemon(host: SetupHost, socket: string): Promise<Trouble | undefined> {
  const failed = host.hasSystemd ? await startSocket() : undefined;
  return failed ?? (await reloadDaemon(host, socket));
}

export async function reloadDaemon({ hasSystemd }: SetupHost, socket: string): Promise<Trouble | undefined> {
  const told = hasSystemd ? await reloadUnits(['trasa-agent.service']) : 'inactive';
  if (typeof told !== 'string') return told;
  const pid = await daemonAt(socket);
  if (typeof pid === 'string')
    return trouble(`no daemon answers at ${socket}: ${pid}`, 'start it: trasa-agent daemon, as the user trasa-agent');
  // Behind a socket of systemd's, which is process 1, it will read its configuration when it is started.
  if (told === 'inactive' && pid > 1) hangUp(pid);
  return undefined;
}

async function startSocket(): Promise<Trouble | undefined> {
  const ran = await runProgram(systemctl, ['enable', '--now', '--quiet', 'trasa-agent.socket']);
  if (ran.kind === 'ran' && ran.status === 0) return undefined;
  return trouble(`cannot start trasa-agent.socket: ${ran.kind === 'ran' ? ran.stderr.trim() : ran.why}`);
}

/** The process that listens there, in the kernel's word. A string: nobody answers, and why. */
async function daemonAt(path: string): Promise<number | string> {
  const silence = await knock(path, knockMs);
  if (silence !== undefined) return silence;
  return await new Promise(resolve => {
    const probe = connect(path);
    probe.once('error', error => resolve(error.message));
    probe.once('connect', () => {
      const pid = peerCredentials(probe)?.pid ?? 0;
      probe.end(encodeDoorMessage({ kind: 'cancel' })); // as knock() does: no log hears of it
      resolve(pid);
    });
  });
}

const knockMs = 5_000;
