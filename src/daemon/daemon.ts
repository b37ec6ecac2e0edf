import { createServer, type Socket } from 'node:net';
import { Admission } from './admission.ts';
import { DiskSpace } from './disk-space.ts';
import { LineLimit } from './line-limit.ts';
import { listen, type Place } from './listen.ts';
import { serveDoor } from './serve.ts';
import { type DaemonParts, type Standing, usualTimeouts } from './service.ts';
import { Settings } from './settings.ts';

export interface Daemon {
  /** Reads the configuration again; logins in progress keep the old one. */
  reload(): void;
  /**
   * Settles when nobody is being served; everybody who comes is served until then. An upgrade waits for it, and so takes
   * no login in progress, and no recorded session, from anybody. To be followed by stop() at once: whoever connects
   * after that waits, at a socket of systemd's, for the next daemon.
   */
  idle(): Promise<void>;
  /**
   * Stops. Logins in progress are denied at once, as `shutting-down`: a person at a prompt learns it while there is
   * somebody to say so, and can try again with the next daemon; a push that waits is taken back. Recordings are closed.
   */
  stop(): Promise<void>;
}

/**
 * Starts the daemon. A broken configuration does not keep it from starting: it stays up and denies everybody with a
 * reason, which says more than a socket that nobody answers.
 *
 * @param place where to listen, given the configuration; undefined: there is none
 */
export async function startDaemon(parts: DaemonParts, placeFor: (standing: Standing) => Place): Promise<Daemon> {
  const { log } = parts;
  const settings = new Settings(parts);
  settings.load();

  const stopping = new AbortController();
  const admission = new Admission();
  const space = new DiskSpace(parts.statfs);
  const limits = {
    overloads: new LineLimit(1, (uid, left) => log.warn('more that there was no room for', { uid, left })),
    refusals: new LineLimit(10, (uid, left) => log.warn('more refusals, not logged one by one', { uid, left })),
  };
  const timeouts = { ...usualTimeouts, ...parts.timeouts };
  const own = { admission, space, limits, timeouts, stopping: stopping.signal };
  const visits = new Set<Promise<void>>();
  const sockets = new Set<Socket>();
  let someoneLeft = Promise.withResolvers<void>();

  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      someoneLeft.resolve();
      someoneLeft = Promise.withResolvers<void>();
    });
    const { standing } = settings;
    const visit = serveDoor(socket, { ...parts, ...own, standing })
      .catch((error: unknown) => {
        log.error(`a connection failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        socket.destroy();
      })
      .finally(() => visits.delete(visit));
    visits.add(visit);
  });
  const place = placeFor(settings.standing);
  await listen(server, place);
  server.on('error', error => log.error(`socket: ${error.message}`));
  log.info('ready', { socket: place.kind === 'path' ? place.path : 'from systemd' });

  const stop = async (): Promise<void> => {
    log.info('stopping', { logins: admission.logins });
    const closed = new Promise(resolve => {
      server.close(resolve); // also removes a path of our own
    });
    stopping.abort();
    await atMost(timeouts.stopMs, Promise.all(visits));
    await atMost(lastWordsMs, closed);
    for (const socket of sockets) socket.destroy();
    await closed;
    limits.overloads.close();
    limits.refusals.close();
    settings.close();
    log.info('stopped');
  };
  let stopped: Promise<void> | undefined;

  return {
    reload() {
      settings.load();
    },
    async idle() {
      while (sockets.size > 0) await someoneLeft.promise;
    },
    async stop() {
      stopped ??= stop();
      await stopped;
    },
  };
}

/** For the last decisions to be read by doors that are slow to close. */
const lastWordsMs = 200;

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise(resolve => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, expired]);
  clearTimeout(timer);
}
