import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ListenOptions, type Server } from 'node:net';

/**
 * A port of loopback at which nobody listens, and that is this process's until it ends. It is none of those that the kernel
 * gives to whoever connects (ip_local_port_range of ip(7)): one of these would now and then be taken by another test before
 * it is used. Test files that run at the same time, of this checkout or another, agree by abstract sockets (unix(7)), which
 * they share as they do the network.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    const claim = await listening({ path: `\0trasa-test-port-${port}` });
    if (claim === undefined) continue;
    claim.unref();
    const probe = await listening({ port, host: '127.0.0.1' });
    if (probe === undefined) continue;
    probe.close();
    await once(probe, 'close');
    return port;
  }
}

/** Undefined: it is taken. */
async function listening(where: ListenOptions): Promise<Server | undefined> {
  const server = createServer().listen(where);
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}
