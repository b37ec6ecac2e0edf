/** Where a forwarding leads to, or listens: TCP (RFC 4254 §7) and Unix sockets (OpenSSH's PROTOCOL §2.4). */
import type { WireReader } from '../../ssh/wire.ts';

export type Place = Address | { readonly path: string };

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The place in a request or a channel of that type; undefined if such have none. The reader is broken if it is cut short. */
export function readPlace(type: string, data: WireReader): Place | undefined {
  switch (type) {
    case 'direct-tcpip':
    case 'forwarded-tcpip':
    case 'tcpip-forward':
    case 'cancel-tcpip-forward':
      return { host: data.string().toString('latin1'), port: data.uint32() };
    case 'direct-streamlocal@openssh.com':
    case 'forwarded-streamlocal@openssh.com':
    case 'streamlocal-forward@openssh.com':
    case 'cancel-streamlocal-forward@openssh.com':
      return { path: data.string().toString('latin1') };
    default:
      return undefined;
  }
}

/** For people and logs. */
export function placeText(place: Place): string {
  if ('path' in place) return Buffer.from(place.path, 'latin1').toString('utf8');
  return place.host.includes(':') ? `[${place.host}]:${place.port}` : `${place.host}:${place.port}`;
}

/** As sshd_config(5) PermitOpen: `host:port`, either of which may be `*`. No name is looked up, and each is its own spelling. */
export function leadsWhereGranted(patterns: readonly string[], { host, port }: Address): boolean {
  return (
    port > 0 && port <= maxPort && patterns.some(pattern => matches(pattern === '*' ? '*:*' : pattern, host, port))
  );
}

/** As PermitListen: `host:port`, or a port alone, on whatever address. A port that the host chooses (0) is any port. */
export function listensWhereGranted(patterns: readonly string[], { host, port }: Address): boolean {
  return (
    port <= maxPort && patterns.some(pattern => matches(pattern.includes(':') ? pattern : `*:${pattern}`, host, port))
  );
}

const maxPort = 65_535;

function matches(pattern: string, host: string, port: number): boolean {
  const [, v6, name, ofPort] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+|\*)$/.exec(pattern) ?? [];
  const ofHost = v6 ?? name;
  if (ofHost === undefined || (ofHost !== '*' && ofHost.toLowerCase() !== host.toLowerCase())) return false;
  return ofPort === '*' || (port !== 0 && Number(ofPort) === port);
}
