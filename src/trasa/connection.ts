import { once } from 'node:events';
import https from 'node:https';
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { ServerSettings } from '../config/config.ts';
import { distrust } from './certificate.ts';
import { withDeadline } from './deadline.ts';
import { systemCas } from './system-cas.ts';
import { ConnectTrouble, clockHint, codeOf } from './trouble.ts';
import { openTunnel } from './tunnel.ts';

/** What a request hands to {@link TrustedAgent} besides Node's own options: give up connecting when this aborts. */
export interface TrustedRequestOptions extends https.RequestOptions {
  readonly connectSignal: AbortSignal;
}

export interface PoolSettings {
  /** Keep connections warm for this long after their last answer; 0: close them at once. */
  readonly idleMs: number;
}

/**
 * An https.Agent whose connections are made by the settings alone: own deadlines for TCP (name look-up and proxy
 * included) and TLS, CAs, pins, proxy; nothing from the environment. A connection that it hands out is trusted.
 *
 * TLS sessions are not resumed: every connection shows its certificate, and has it judged.
 */
export class TrustedAgent extends https.Agent {
  readonly #settings: ServerSettings;
  readonly #lookup: LookupFunction;
  #context: SecureContext | undefined;

  constructor(settings: ServerSettings, lookup: LookupFunction, pool: PoolSettings) {
    super({ keepAlive: pool.idleMs > 0, timeout: pool.idleMs, maxFreeSockets: 4, maxCachedSessions: 0 });
    this.#settings = settings;
    this.#lookup = lookup;
  }

  override createConnection(
    options: TrustedRequestOptions,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.#open(String(options.host), Number(options.port), options.connectSignal).then(
      socket => callback?.(null, socket),
      (error: unknown) => {
        const trouble = error instanceof Error ? error : new ConnectTrouble('unreachable', 'no connection');
        callback?.(trouble, new Duplex()); // Node looks at no socket beside an error, but its type wants one
      },
    );
    return undefined;
  }

  /** Node's own destroy() would end requests under way too. */
  closeIdle(): void {
    for (const sockets of Object.values(this.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  async #open(host: string, port: number, signal: AbortSignal): Promise<TLSSocket> {
    this.#context ??= createSecureContext({ ca: this.#settings.ca ?? systemCas(), minVersion: 'TLSv1.2' });
    const tcp = await openTcp(host, port, this.#settings, this.#lookup, signal);
    return await openTls(tcp, host, port, this.#settings, this.#context, signal);
  }
}

/** Name look-up, TCP, and the way through the proxy if there is one; all under the connect deadline. */
async function openTcp(
  host: string,
  port: number,
  settings: ServerSettings,
  lookup: LookupFunction,
  signal: AbortSignal,
): Promise<Socket> {
  const { httpProxy: proxy, connectTimeoutMs } = settings;
  const target = hostPort(host, port);
  const next = proxy === undefined ? target : `the HTTP proxy ${hostPort(bare(proxy.hostname), portOf(proxy))}`;
  return await withDeadline(connectTimeoutMs, signal, async (abort, expired) => {
    const socket = connect({
      host: proxy === undefined ? host : bare(proxy.hostname),
      port: proxy === undefined ? port : portOf(proxy),
      lookup,
      noDelay: true,
      // Node's 250 ms per address of a name would give up on slow links (happy eyeballs, RFC 8305).
      autoSelectFamilyAttemptTimeout: Math.max(250, Math.floor(connectTimeoutMs / 3)),
    });
    try {
      return await destroyOn(abort, socket, async () => {
        await once(socket, 'connect', { signal: abort });
        if (proxy !== undefined) await openTunnel(socket, proxy, target);
        return socket;
      });
    } catch (error) {
      if (error instanceof ConnectTrouble) throw error;
      if (expired()) throw new ConnectTrouble('unreachable', `no connection to ${next} within ${connectTimeoutMs} ms`);
      throw new ConnectTrouble('unreachable', `no connection to ${next}${codeOf(error)}`);
    }
  });
}

async function openTls(
  tcp: Socket,
  host: string,
  port: number,
  settings: ServerSettings,
  secureContext: SecureContext,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const { tlsTimeoutMs, pins, insecureSkipVerify } = settings;
  const where = hostPort(host, port);
  return await withDeadline(tlsTimeoutMs, signal, async (abort, expired) => {
    const socket = connectTls({
      socket: tcp,
      host,
      servername: isIP(host) === 0 ? host : '',
      secureContext,
      ALPNProtocols: ['http/1.1'],
      // Said in every case, as NODE_TLS_REJECT_UNAUTHORIZED would fill the gap. Where Node does not reject, distrust() does.
      rejectUnauthorized: pins.length === 0 && !insecureSkipVerify,
    });
    try {
      return await destroyOn(abort, socket, async () => {
        await once(socket, 'secureConnect', { signal: abort });
        const reason = distrust(socket, settings);
        if (reason !== undefined) throw new ConnectTrouble('tls', `${where}: ${reason}`);
        return socket;
      });
    } catch (error) {
      if (error instanceof ConnectTrouble) throw error;
      if (expired()) throw new ConnectTrouble('timeout', `no TLS handshake with ${where} within ${tlsTimeoutMs} ms`);
      // A connection lost is no judgement about the certificate: whoever can reset it could as well drop it.
      if (/\((ECONNRESET|EPIPE|ETIMEDOUT)\)/.test(codeOf(error)))
        throw new ConnectTrouble('unreachable', `connection to ${where} lost in the TLS handshake${codeOf(error)}`);
      throw new ConnectTrouble('tls', `no TLS with ${where}${codeOf(error)}${clockHint(codeOf(error))}`);
    }
  });
}

/** Runs `work` on a socket that is destroyed if `work` fails or the signal aborts. */
async function destroyOn<S extends Socket>(signal: AbortSignal, socket: S, work: () => Promise<S>): Promise<S> {
  const destroy = () => socket.destroy();
  socket.on('error', () => {}); // later ones than `work` waits for: they must not be uncaught
  signal.addEventListener('abort', destroy, { once: true });
  try {
    return await work();
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', destroy);
  }
}

function hostPort(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The host of a URL without the brackets of an IPv6 address. */
function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

function portOf(url: URL): number {
  return url.port === '' ? 80 : Number(url.port);
}
