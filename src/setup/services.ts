/** Makes sshd and the daemon read their configuration again. */
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { peerCredentials } from '../host/peer.ts';
import { runProgram } from '../system/run-program.ts';
import { type Connection, effectiveSettings, type SshdProgram, validateSshd } from '../system/sshd-settings.ts';
import { type SetupHost, type Trouble, trouble } from './host.ts';
import { namesOf } from './moment.ts';

const systemctl = '/usr/bin/systemctl';
/** Debian's name, then that of others. */
const sshUnits = ['ssh.service', 'sshd.service'] as const;

/** Sshd is told only if it would start with what it will read: on SIGHUP it starts anew. */
export async function reloadSshd({ sshd, hasSystemd }: SetupHost): Promise<Trouble | undefined> {
  const valid = await validateSshd(sshd);
  if (valid.kind === 'failed') return trouble(`sshd would not start with this configuration: ${valid.why}`);
  return hasSystemd ? await reloadUnits(sshUnits) : await reloadByPid(sshd);
}

/** For `sshd -T`, where the client does not matter. */
export function connectionOf(user: string): Connection {
  return { user, host: 'localhost', address: '127.0.0.1', localAddress: '127.0.0.1', localPort: 22 };
}

/** A unit that does not run reads its files when it is started. */
async function reloadUnits(units: readonly string[]): Promise<Trouble | undefined> {
  for (const unit of units) {
    const active = await runProgram(systemctl, ['is-active', '--quiet', unit]);
    if (active.kind === 'failed') return trouble(`cannot ask systemd: ${active.why}`);
    if (active.status !== 0) continue;
    const ran = await runProgram(systemctl, ['reload', unit]);
    if (ran.kind === 'failed') return trouble(`cannot reload ${unit}: ${ran.why}`);
    return ran.status === 0 ? undefined : trouble(`cannot reload ${unit}: ${ran.stderr.trim()}`);
  }
  return undefined;
}

async function reloadByPid(sshd: SshdProgram): Promise<Trouble | undefined> {
  const settings = await effectiveSettings(sshd, connectionOf('root'));
  if (settings.kind === 'failed') return trouble(`sshd does not say where its PidFile is: ${settings.why}`);
  const pidFile = settings.answer.first('pidfile') ?? 'none';
  const running = runningSshd(pidFile);
  if (running === undefined) return undefined; // whoever starts it later makes it read what is there then
  process.kill(running.pid, 'SIGHUP');
  // It takes its PidFile away, and writes another one when it has read everything and listens.
  for (let waitedMs = 0; waitedMs < reloadMs; waitedMs += pauseMs) {
    const now = runningSshd(pidFile);
    if (now !== undefined && now.writtenAt !== running.writtenAt) return undefined;
    await pause(pauseMs);
  }
  return trouble(`sshd (process ${running.pid}) did not come back within ${reloadMs / 1000} s after SIGHUP`);
}

const reloadMs = 5_000;
const pauseMs = 20;

function runningSshd(pidFile: string): { readonly pid: number; readonly writtenAt: bigint } | undefined {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    const { mtimeNs: writtenAt } = statSync(pidFile, { bigint: true });
    return Number.isInteger(pid) && namesOf(pid).name === 'sshd' ? { pid, writtenAt } : undefined;
  } catch {
    return undefined; // there is none
  }
}

/** The daemon, behind its socket. Under systemd the socket starts it, if it does not run. */
export async function reloadDaemon({ hasSystemd }: SetupHost, socket: string): Promise<Trouble | undefined> {
  if (hasSystemd) {
    const failed = (await startSocket()) ?? (await reloadUnits(['trasa-agent.service']));
    if (failed !== undefined) return failed;
    return (await daemonAt(socket)) === undefined ? notThere(socket) : undefined;
  }
  const pid = await daemonAt(socket);
  if (pid === undefined) return notThere(socket);
  if (pid > 1) process.kill(pid, 'SIGHUP');
  return undefined;
}

async function startSocket(): Promise<Trouble | undefined> {
  const ran = await runProgram(systemctl, ['enable', '--now', '--quiet', 'trasa-agent.socket']);
  if (ran.kind === 'ran' && ran.status === 0) return undefined;
  return trouble(`cannot start trasa-agent.socket: ${ran.kind === 'ran' ? ran.stderr.trim() : ran.why}`);
}

function notThere(socket: string): Trouble {
  return trouble(`no daemon answers at ${socket}`, 'start it: trasa-agent daemon, as the user trasa-agent');
}

/** The process that listens there, in the kernel's word. Undefined: nobody does. */
async function daemonAt(path: string): Promise<number | undefined> {
  return await new Promise(resolve => {
    const probe = connect(path);
    probe.once('error', () => resolve(undefined));
    probe.once('connect', () => {
      const pid = peerCredentials(probe)?.pid;
      probe.destroy();
      resolve(pid);
    });
  });
}
