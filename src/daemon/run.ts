import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { DaemonLog } from '../audit/daemon-log.ts';
import { exitStatus } from '../policy/refusals.ts';
import { type Daemon, serveOne, startDaemon } from './daemon.ts';
import { firstInherited, inheritedPlace, type Place } from './listen.ts';
import type { DaemonParts } from './service.ts';

/** The part of `process` that is needed here. */
export type Process = Pick<NodeJS.Process, 'pid' | 'env' | 'on' | 'exit'>;

/**
 * Runs the daemon until SIGTERM or SIGINT; SIGHUP reloads; SIGUSR2, from the package that has brought a new version, ends
 * it as soon as nobody is being served. systemd is told nothing (sd_notify wants a datagram socket,
 * which Node has not): the unit is Type=exec, and its socket takes connections from the start anyway.
 *
 * @param usualSocket listened on when there is no configuration that names one
 * @returns the exit status
 */
export async function runDaemon(parts: DaemonParts, usualSocket: string, process: Process): Promise<number> {
  const { log } = parts;
  denyByDying(process, log);
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  process.on('SIGTERM', () => tell());
  process.on('SIGINT', () => tell());
  let daemon: Daemon | undefined;
  process.on('SIGHUP', () => daemon?.reload());
  let inherited: Place | undefined;
  process.on('SIGUSR2', () => {
    if (inherited === undefined)
      return log.warn('a new version waits for a restart: nobody but me holds the socket, so I stay');
    log.info('a new version is there: leaving as soon as nobody is being served');
    void daemon?.idle().then(tell);
  });

  try {
    inherited = inheritedPlace(process.env, process.pid);
    delete process.env['LISTEN_FDS'];
    delete process.env['LISTEN_PID'];
    daemon = await startDaemon(parts, standing => inherited ?? ownPlace(standing));
  } catch (error) {
    log.error(`cannot start: ${error instanceof Error ? error.message : String(error)}`);
    return exitStatus.unavailable;
  }
  await told;
  await daemon.stop();
  return 0;

  function ownPlace(standing: Parameters<Parameters<typeof startDaemon>[1]>[0]): Place {
    return { kind: 'path', path: standing.kind === 'ready' ? standing.config.daemon.socket : usualSocket };
  }
}

/** Serves one login over descriptor 3, and returns the exit status: the door has its decision, or has none. */
export async function runOnce(parts: DaemonParts, process: Process): Promise<number> {
  denyByDying(process, parts.log);
  try {
    if (!fstatSync(firstInherited).isSocket()) throw new Error('not a socket');
    await serveOne(parts, new Socket({ fd: firstInherited }));
    return 0;
  } catch (error) {
    parts.log.error(`descriptor ${firstInherited}: ${error instanceof Error ? error.message : String(error)}`);
    return exitStatus.unavailable;
  }
}

/** After a bug nobody knows what is still true: the process ends, and doors that wait deny. systemd starts a new one. */
function denyByDying(process: Process, log: DaemonLog): void {
  const die = (what: string) => (error: unknown) => {
    log.error(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exit(exitStatus.software);
  };
  process.on('uncaughtException', die('uncaught exception'));
  process.on('unhandledRejection', die('unhandled rejection'));
}
