/** From a passage to a leg that is logged in at the upstream host, over the connection on which the host was proved. */
import type { Socket } from 'node:net';
import { cleanText } from '../../protocol/clean.ts';
import type { Krl } from '../../ssh/krl.ts';
import type { InfoRequests } from '../downstream/info-requests.ts';
import type { Passage } from '../downstream/login.ts';
import * as words from '../downstream/words.ts';
import { type Ending, Transport, type TransportListener } from '../engine/transport.ts';
import { bye } from '../messages/numbers.ts';
import { hostKeyAlgorithms, whyNotTrusted } from './trust.ts';
import { type Credential, UpstreamAuth } from './upstream-auth.ts';

export type UpstreamOutcome<Leg> =
  | { readonly kind: 'entered'; readonly leg: Leg }
  /** `detail` is for the log. */
  | { readonly kind: 'refused'; readonly says: string; readonly detail: string };

export interface UpstreamPorts {
  /** Connects; rejects with a reason for the log. */
  readonly dial: (host: string, port: number, signal: AbortSignal) => Promise<Socket>;
  /** A key for this one login, certified for `account` when used from `address`. A string says why there is none. */
  readonly issue: (passage: Passage, address: string) => Promise<Credential | string>;
  readonly revoked: () => readonly Krl[];
  readonly now: () => number;
  /** Shows what the upstream host says before it lets in. */
  readonly banner: (text: string) => void;
}

/** The leg to the upstream host, whose messages go to whoever takes it over. */
export class UpstreamLeg implements TransportListener {
  readonly transport: Transport;
  #next: TransportListener | undefined;
  /** What came after the login, while nobody listens: no more than one read of the socket. */
  #early: Buffer[] | undefined;
  #ended: Ending | undefined;

  constructor(make: (listener: TransportListener) => Transport) {
    this.transport = make(this);
  }

  /** What comes from now on waits for the next listener. */
  hold(): void {
    this.#early = [];
    this.transport.pause();
  }

  /** From now on `listener` hears what comes; what came, and if the leg has ended meanwhile, that, at once. */
  handTo(listener: TransportListener): void {
    this.#next = listener;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const payload of early) listener.message(payload);
    this.transport.resume();
    if (this.#ended !== undefined) listener.closed(this.#ended);
  }

  ready(): void {
    this.#next?.ready();
  }

  message(payload: Buffer): 'passed' | void {
    if (this.#early === undefined) return this.#next?.message(payload);
    this.#early.push(payload);
  }

  drained(): void {
    this.#next?.drained();
  }

  closed(ending: Ending): void {
    this.#ended = ending;
    this.#next?.closed(ending);
  }
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
  const { service } = passage;
  let socket: Socket;
  try {
    socket = await ports.dial(service.host, service.port, signal);
  } catch (error) {
    return refused(words.serverDown, `upstream: ${error instanceof Error ? error.message : String(error)}`);
  }
  let distrust: string | undefined;
  const leg = new UpstreamLeg(
    listener =>
      new Transport(
        socket,
        {
          role: {
            side: 'client',
            hostKeyAlgorithms: hostKeyAlgorithms(service),
            isTrusted: blob => {
              distrust = whyNotTrusted(blob, service, ports.revoked(), ports.now());
              return distrust === undefined;
            },
          },
          ident: upstreamIdent(clientIdent),
        },
        listener,
      ),
  );
  const auth = new UpstreamAuth(leg.transport, passage, conversation, {
    banner: ports.banner,
    entered: () => leg.hold(),
    issue: async () => await ports.issue(passage, addressOf(socket)),
  });
  leg.handTo(auth);
  const onAbort = (): void => leg.transport.disconnect(bye.byApplication, 'the login was given up');
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const outcome = await auth.outcome.finally(() => signal.removeEventListener('abort', onAbort));
  if (outcome.kind === 'entered' && !signal.aborted) {
    leg.transport.trust();
    return { kind: 'entered', leg };
  }
  leg.transport.disconnect(bye.byApplication, 'not logged in');
  if (distrust !== undefined) return refused(words.hostNotVerified, `upstream host key: ${cleanText(distrust, 200)}`);
  if (outcome.kind === 'entered') return refused(words.loginFailed, 'given up');
  return refused(outcome.says, `upstream: ${outcome.why}`);
}

/** OpenSSH's own are passed on, since sshd asks some things of OpenSSH's clients only. */
function upstreamIdent(clientIdent: string): string {
  return /^OpenSSH_[0-9][0-9A-Za-z._-]{0,30}$/.test(clientIdent) ? clientIdent : 'trasa';
}

function addressOf(socket: Socket): string {
  return (socket.localAddress ?? '').replace(/^::ffff:(?=[0-9.]+$)/i, '').replace(/%.*$/, '');
}

function refused(says: string, detail: string): { readonly kind: 'refused'; says: string; detail: string } {
  return { kind: 'refused', says, detail };
}
