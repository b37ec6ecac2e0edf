import { isIPv4, type Server, type Socket } from 'node:net';

export interface ConnectionLimits {
  readonly total: number;
  readonly perAddress: number;
}

/** What a connection has done: nothing yet, or a request, which is being answered or has been. */
type Standing = 'silent' | 'answering' | 'idle';

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  standing: Standing;
}

/**
 * The open connections, bounded in all and per remote address. When there is no room, a new one takes the place of the
 * oldest that has sent no whole request, or else of the oldest that waits for none: a crowd that says nothing cannot
 * keep anybody out, nor end a push that is waited for.
 */
export class Connections {
  /** Oldest first. */
  readonly #open = new Map<string, Connection>();
  readonly #limits: ConnectionLimits;

  constructor(server: Server, limits: ConnectionLimits) {
    this.#limits = limits;
    server.on('connection', (socket: Socket) => this.#admit(socket));
  }

  /** @param socket TLS's: it has the ports of the one below it */
  mark(socket: Socket, standing: Standing): void {
    const connection = this.#open.get(nameOf(socket));
    if (connection !== undefined) connection.standing = standing;
  }

  endAll(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  #admit(socket: Socket): void {
    const address = networkOf(socket.remoteAddress ?? '');
    const all = [...this.#open.values()];
    const neighbours = all.filter(other => other.address === address);
    const crowded = neighbours.length >= this.#limits.perAddress;
    if (crowded && !this.#makeRoom(neighbours)) return void socket.destroy();
    if (!crowded && all.length >= this.#limits.total && !this.#makeRoom(all)) return void socket.destroy();

    const name = nameOf(socket);
    const connection: Connection = { socket, address, standing: 'silent' };
    this.#open.set(name, connection);
    socket.once('close', () => this.#forget(name, connection));
  }

  #makeRoom(among: readonly Connection[]): boolean {
    const least = among.find(one => one.standing === 'silent') ?? among.find(one => one.standing === 'idle');
    if (least === undefined) return false;
    this.#forget(nameOf(least.socket), least);
    least.socket.destroy();
    return true;
  }

  #forget(name: string, connection: Connection): void {
    if (this.#open.get(name) === connection) this.#open.delete(name); // the ports may have been taken again
  }
}

function nameOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

/** An address of version 4, also where it comes as ::ffff:…; of version 6 the /64, of which a host has every address. */
export function networkOf(address: string): string {
  const last = address.slice(address.lastIndexOf(':') + 1);
  if (isIPv4(last)) return last;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => '0');
  return [...groups, ...(tail === undefined ? [] : zeros), ...rest].slice(0, 4).join(':');
}
