/** The listener: who is let near. Nothing is read here from whoever comes. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { ProxySettings } from '../../config/config.ts';
import type { ProxyLog } from '../log.ts';
import type { Visit, Visits } from './visits.ts';

export interface Door {
  readonly port: number;
  /** Lets nobody new in. */
  close(): void;
}

/** Rejects if it cannot listen. @param admit takes them further; false: nobody is there to do it */
export async function openDoor(
  { host, port }: ProxySettings['listen'],
  visits: Visits,
  admit: (socket: Socket, visit: Visit) => boolean,
  log: ProxyLog,
): Promise<Door> {
  const server = createServer({ pauseOnConnect: true }, socket => {
    socket.on('error', () => {}); // whoever gets it from here has the next
    const address = addressOf(socket);
    const visit = visits.begin(address);
    if (visit !== undefined && admit(socket, visit)) return;
    visit?.gone(undefined);
    log.debug('kept out', { client: address, startups: visits.strangers });
    socket.destroy();
  });
  server.listen({ port, ...(host !== undefined && { host }) });
  await once(server, 'listening');
  server.on('error', error => log.error(`listener: ${error.message}`));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => {
      server.close();
    },
  };
}

/** IPv4 in IPv6 (RFC 4291 §2.5.5.2) is IPv4: one person, one address. */
function addressOf(socket: Socket): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:(?=[0-9.]+$)/i, '');
}
