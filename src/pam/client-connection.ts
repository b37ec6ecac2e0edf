/**
 * Is the client still there? Neither sshd nor pam_exec notices, while PAM is at work, that the connection was closed
 * (sshd reads nothing from it then), and a push would ring on. The kernel's table of TCP connections tells.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { isIPv4 } from 'node:net';

export interface ClientConnection {
  /** Was it there, and is it closed now, from the other side or from ours? */
  isClosed(): boolean;
}

/** @param connection SSH_CONNECTION: client address and port, server address and port */
export function watchConnection(connection: string | undefined, readTable = readTcpTable): ClientConnection {
  const [, address, clientPort, serverPort] = /^(\S+) (\d{1,5}) \S+ (\d{1,5})$/.exec(connection ?? '') ?? [];
  if (address === undefined) return { isClosed: () => false };
  const stateOf = rowOf(address, Number(clientPort), Number(serverPort));
  let wasThere = false;
  let missed = 0;
  return {
    isClosed() {
      const table = readTable();
      if (table === undefined) return false;
      const states = table.split('\n').flatMap(stateOf);
      if (states.includes(established)) wasThere = true;
      // What was never there is not missed: sshd on a pipe (-i), behind an address translation of this host, …
      if (!wasThere || states.includes(established)) missed = 0;
      else missed += states.length > 0 ? enough : 1;
      return missed >= enough;
    },
  };
}

/** A row may be passed over while others come and go, since the table is not read at once. */
const enough = 3;

/**
 * The state in a row of /proc/net/tcp or tcp6 (proc_net_tcp(5)) if it is the one looked for: number, local and remote
 * address and port in hexadecimal, state. 08, CLOSE_WAIT, is what a client leaves that has closed its side.
 */
function rowOf(address: string, clientPort: number, serverPort: number): (row: string) => [string] | [] {
  const local = `:${hexPort(serverPort)}`;
  // An IPv4 client may be in the table of IPv6 too (RFC 4291 §2.5.5.2); IPv6 is told apart by its two ports only.
  const remote = `${isIPv4(address) ? hexIPv4(address) : ''}:${hexPort(clientPort)}`;
  return row => {
    const [, from, to, state] = row.trim().split(/ +/);
    return state !== undefined && from?.endsWith(local) === true && to?.endsWith(remote) === true ? [state] : [];
  };
}

const established = '01';

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}

/** As the kernel prints it: the 32 bits in network order, read as a number of this machine. */
function hexIPv4(address: string): string {
  const bytes = Uint8Array.from(address.split('.').map(Number));
  const [number = 0] = new Uint32Array(bytes.buffer);
  return number.toString(16).toUpperCase().padStart(8, '0');
}

/** Some ten thousand connections. A host with more does without this. */
const maxBytes = 2_000_000;

function readTcpTable(): string | undefined {
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].map(readBounded);
  return tables.every(table => table !== undefined) ? tables.join('') : undefined;
}

/** A file of /proc, whose size is known only at its end; undefined if it is too large. A kernel without IPv6 has no tcp6. */
function readBounded(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    const chunks: Buffer[] = [];
    let length = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(65_536);
      const read = readSync(fd, chunk);
      if (read === 0) return Buffer.concat(chunks).toString('latin1');
      chunks.push(chunk.subarray(0, read));
      length += read;
      if (length > maxBytes) return undefined;
    }
  } catch {
    return '';
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
