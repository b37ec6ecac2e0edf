/** The listener: who is let near, and how it ends for all. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../auth/ports.ts';
import { parseAddressList } from '../../ssh/source-address.ts';
import { Client, type ClientParts } from './client.ts';
import { Penalties } from './penalties.ts';
import { Startups } from './startups.ts';

export interface DoorSettings {
  readonly listen: { readonly host: string | undefined; readonly port: number };
  readonly maxStartups: number;
  readonly maxStartupsPerAddress: number;
  /** CIDR blocks. */
  readonly penaltyExempt: string;
}

export interface Door {
  readonly port: number;
  /** Lets nobody new in, waits up to `drainMs` for sessions to end, then ends them. */
  stop(drainMs: number): Promise<void>;
}

/** Rejects if it cannot listen. */
export async function openDoor(settings: DoorSettings, parts: ClientParts, clock: Clock): Promise<Door> {
  const startups = new Startups({ all: settings.maxStartups, perSource: settings.maxStartupsPerAddress });
  const penalties = new Penalties(() => clock.now(), parseAddressList(settings.penaltyExempt) ?? []);
  const clients = new Set<Client>();
  let onEmpty: (() => void) | undefined;

  const server = createServer(socket => {
    const address = addressOf(socket);
    const isKnown = address !== ''; // it is not of one that has left already
    const leave = isKnown && !penalties.isOut(address) ? startups.enter(address) : undefined;
    if (leave === undefined) {
      parts.log.debug('kept out', { client: address, startups: startups.count });
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const client = new Client(socket, address, parts, {
      loggedIn: leave,
      failed: () => penalties.add(address, 'wrong-login'),
      gone: (loggedIn, timedOut) => {
        leave();
        clients.delete(client);
        if (!loggedIn) penalties.add(address, timedOut ? 'too-slow' : 'no-login');
        if (clients.size === 0) onEmpty?.();
      },
    });
    clients.add(client);
  });
  await listen(server, settings.listen);
  server.on('error', error => parts.log.error(`listener: ${error.message}`));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async stop(drainMs) {
      server.close();
      const empty = new Promise<void>(resolve => {
        onEmpty = resolve;
        if (clients.size === 0) resolve();
      });
      for (const client of clients)
        if (!client.isSession) client.end('shutting-down', 'The proxy is restarting. Try again.');
      await Promise.race([empty, wait(drainMs)]);
      for (const client of clients) client.end('shutting-down', 'The proxy is shutting down.');
      await Promise.race([empty, wait(lastWordsMs)]);
    },
  };
}

const lastWordsMs = 3_000;

async function listen(server: Server, { host, port }: DoorSettings['listen']): Promise<void> {
  server.listen({ port, ...(host !== undefined && { host }) });
  await once(server, 'listening');
}

/** IPv4 in IPv6 (RFC 4291 §2.5.5.2) is IPv4: one person, one address. */
function addressOf(socket: Socket): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:(?=[0-9.]+$)/i, '');
}

async function wait(ms: number): Promise<void> {
  await new Promise(resolve => {
    setTimeout(resolve, ms).unref();
  });
}
