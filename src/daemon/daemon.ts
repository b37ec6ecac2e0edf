import { createServer, type Socket } from 'node:net';
import { openHouse } from './house.ts';
import { listen, type Place } from './listen.ts';
import type { DaemonParts, Standing } from './service.ts';

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
  const house = openHouse(parts);
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
    const visit = house.serve(socket).finally(() => visits.delete(visit));
    visits.add(visit);
  });
  const place = placeFor(house.settings.standing);
  await listen(server, place);
  server.on('error', error => log.error(`socket: ${error.message}`));
  log.info('ready', { socket: place.kind === 'path' ? place.path : 'from systemd' });

  const stop = async (): Promise<void> => {
    log.info('stopping', { logins: house.admission.logins });
    const closed = new Promise(resolve => {
      server.close(resolve); // also removes a path of our own
    });
    house.stop();
    await atMost(house.timeouts.stopMs, Promise.all(visits));
    await atMost(lastWordsMs, closed);
    for (const socket of sockets) socket.destroy();
    await closed;
    house.close();
    log.info('stopped');
  };
  let stopped: Promise<void> | undefined;

  return {
    reload() {
      house.settings.load();
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

/** Serves the one login whose door is at the other end of `socket`, where no daemon listens (pam_trasa's `agent=`). */
export async function serveOne(parts: DaemonParts, socket: Socket): Promise<void> {
  const house = openHouse(parts);
  await house.serve(socket);
  house.close();
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
