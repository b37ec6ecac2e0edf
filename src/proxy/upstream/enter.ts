/**
 * From a passage to a leg that is logged in at the upstream host, over the connection on which the host was proved: at
 * once, or from host to host.
 */
import type { Socket } from 'node:net';
import type { ProxyService } from '../../config/config.ts';
import type { Purpose } from '../certifier.ts';
import type { InfoRequests } from '../downstream/info-requests.ts';
import type { Passage } from '../downstream/login.ts';
import * as words from '../downstream/words.ts';
import { type Line, Transport } from '../engine/transport.ts';
import { bye } from '../messages/numbers.ts';
import { HostProof, type HostProofPorts, type Refusal } from './host-proof.ts';
import { Tunnel } from './tunnel.ts';
import { type Credential, UpstreamAuth } from './upstream-auth.ts';
import { UpstreamLeg } from './upstream-leg.ts';
import type { VaultEntry } from './vault.ts';

export type UpstreamOutcome<Leg> =
  | { readonly kind: 'entered'; readonly leg: Leg }
  /** `detail` is for the log. */
  | { readonly kind: 'refused'; readonly says: string; readonly detail: string };

export interface UpstreamPorts extends HostProofPorts {
  /** Connects; rejects with a reason for the log. */
  readonly dial: (host: string, port: number, signal: AbortSignal) => Promise<Socket>;
  /** A key for this one login, certified for `account` when used from `from`. A string says why there is none. */
  readonly issue: (passage: Passage, from: string, purpose: Purpose) => Promise<Credential | string>;
  /** From where hosts see the proxy: CIDR blocks; empty: from the address of its end. */
  readonly sourceAddress: string;
  /** What is kept for the account, where our certificate does not open it. A string says why it cannot be had. */
  readonly stored: (passage: Passage, signal: AbortSignal) => Promise<VaultEntry | string>;
  /** For the log. */
  readonly info: (text: string, facts: Readonly<Record<string, string>>) => void;
  /** Shows what the upstream host says before it lets in. */
  readonly banner: (text: string) => void;
}

/** One host of the way. */
interface Stop {
  /** Of the same person, to this host. */
  readonly passage: Passage;
  readonly purpose: Purpose;
}

/**
 * @param clientIdent of the person's client: an upstream sshd treats clients by what they call themselves
 */
export async function enterUpstream(
  passage: Passage,
  clientIdent: string,
  conversation: InfoRequests,
  ports: UpstreamPorts,
  signal: AbortSignal,
): Promise<UpstreamOutcome<UpstreamLeg>> {
  let leg: UpstreamLeg | undefined;
  for (const stop of stopsTo(passage)) {
    const { service } = stop.passage;
    let step: UpstreamLeg | Refusal;
    try {
      const proof = new HostProof(service, ports); // before there is a connection that would have to be ended
      const { line, from } =
        leg === undefined ? await direct(service, ports, signal) : await through(leg, service, signal);
      step = await enterHost(stop, proof, line, from, ident(stop, clientIdent), conversation, ports, signal);
    } catch (error) {
      leg?.transport.disconnect(bye.byApplication, 'it leads no further');
      step = { says: words.serverDown, why: error instanceof Error ? error.message : String(error) };
    }
    if (!(step instanceof UpstreamLeg)) {
      const where = stop.purpose === 'way' ? `upstream, on the way (${service.name})` : 'upstream';
      return { kind: 'refused', says: step.says, detail: `${where}: ${step.why}` };
    }
    leg = step;
  }
  if (leg === undefined) throw new Error('a way without hosts');
  return { kind: 'entered', leg };
}

/** The hosts on the way, then that of the passage. */
function stopsTo(passage: Passage): Stop[] {
  const stops: Stop[] = [{ passage, purpose: 'session' }];
  for (let { via } = passage.service; via !== undefined; { via } = via.service)
    stops.unshift({ passage: { ...passage, service: via.service, account: via.account }, purpose: 'way' });
  return stops;
}

interface Connected {
  readonly line: Line;
  /** From where the host sees who comes: CIDR blocks. */
  readonly from: string;
}

async function direct(service: ProxyService, ports: UpstreamPorts, signal: AbortSignal): Promise<Connected> {
  const socket = await ports.dial(service.host, service.port, signal);
  const from = [service.sourceAddress, ports.sourceAddress].find(list => list !== '') ?? plain(socket.localAddress);
  return { line: socket, from };
}

/** From a host where we are logged in to the next, which sees that host's address. */
async function through(
  leg: UpstreamLeg,
  { host, port, sourceAddress }: ProxyService,
  signal: AbortSignal,
): Promise<Connected> {
  const tunnel = new Tunnel(leg.transport, host, port);
  leg.handTo(tunnel.listener);
  const onAbort = (): void => void tunnel.destroy(new Error('the login was given up'));
  const timer = setTimeout(() => tunnel.destroy(new Error(`no answer in time from ${host}:${port}`)), openMs);
  signal.addEventListener('abort', onAbort, { once: true });
  tunnel.on('error', () => {}); // later ones than we wait for: whoever runs over it hears of its end
  try {
    await tunnel.opened();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
  return { line: tunnel, from: sourceAddress === '' ? leg.address : sourceAddress };
}

const openMs = 10_000;

async function enterHost(
  { passage, purpose }: Stop,
  proof: HostProof,
  line: Line,
  from: string,
  ourIdent: string,
  conversation: InfoRequests,
  ports: UpstreamPorts,
  signal: AbortSignal,
): Promise<UpstreamLeg | Refusal> {
  const { service, account, person } = passage;
  const role = {
    side: 'client',
    hostKeyAlgorithms: proof.algorithms,
    isTrusted: (blob: Buffer) => proof.isAcceptable(blob),
  } as const;
  const leg = new UpstreamLeg(
    addressOf(line, service),
    listener => new Transport(line, { role, ident: ourIdent }, listener),
  );
  const auth = new UpstreamAuth(leg.transport, passage, conversation, {
    banner: ports.banner,
    entered: () => leg.hold(),
    settleHost: async () => await proof.settle(person, conversation),
    issue: async () => await ports.issue(passage, from, purpose),
    stored: async () => await ports.stored(passage, signal),
  });
  leg.handTo(auth);
  const onAbort = (): void => leg.transport.disconnect(bye.byApplication, 'the login was given up');
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const outcome = await auth.outcome.finally(() => signal.removeEventListener('abort', onAbort));
  if (outcome.kind === 'entered' && !signal.aborted) {
    leg.transport.trust();
    ports.info('entered a host', { attempt: passage.id, service: service.name, account, by: outcome.by });
    return leg;
  }
  leg.transport.disconnect(bye.byApplication, 'not logged in');
  if (proof.refusal !== undefined) return { says: proof.refusal.says, why: `host key: ${proof.refusal.why}` };
  return outcome.kind === 'entered' ? { says: words.loginFailed, why: 'given up' } : outcome;
}

/** OpenSSH's own are passed on, since sshd asks some things of OpenSSH's clients only. */
function ident({ purpose }: Stop, clientIdent: string): string {
  return purpose === 'session' && /^OpenSSH_[0-9][0-9A-Za-z._-]{0,30}$/.test(clientIdent) ? clientIdent : 'trasa';
}

/** Of the host: the address that was connected to, where that is known. */
function addressOf(line: Line, { host }: ProxyService): string {
  return 'remoteAddress' in line && typeof line.remoteAddress === 'string' ? plain(line.remoteAddress) : host;
}

function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=[0-9.]+$)/i, '').replace(/%.*$/, '');
}
