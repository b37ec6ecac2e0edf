/**
 * The server's side of authentication (RFC 4252): `publickey` proves the first factor, `keyboard-interactive` plays the
 * dialogue and is the only method that lets anybody in.
 *
 * What was proved belongs to one user name on one connection: another name ends it.
 */

import { bye, msg } from '../messages/numbers.ts';
import {
  type AuthRequest,
  authFailure,
  authSuccess,
  connectionService,
  type KeyOffer,
  parseAuthRequest,
  pkOk,
  serviceAccept,
  serviceIn,
  userauthService,
} from '../messages/userauth.ts';
import { InfoRequests } from './info-requests.ts';
import { isProven, type KeyOwner } from './proven-key.ts';

/** The leg to the client, as far as it is needed here. */
export interface ClientLeg {
  readonly sessionId: Buffer;
  send(payload: Buffer): void;
  disconnect(reason: number, text: string): void;
}

export interface UserauthPorts<Entry> {
  /** Whose key is it? A string says why it is nobody's. */
  readonly ownerOf: (offer: KeyOffer) => KeyOwner | string;
  /** Would the dialogue have nothing to ask? Then the key alone is enough, as clients without a person need it. */
  readonly needsNoQuestion: (user: string, proved: KeyOwner) => boolean;
  /** The dialogue. Undefined: nobody comes in, and the person was told why. */
  readonly logIn: (
    user: string,
    proved: KeyOwner | undefined,
    conversation: InfoRequests,
    signal: AbortSignal,
  ) => Promise<Entry | undefined>;
  readonly entered: (entry: Entry) => void;
  /** They are gone by now. */
  readonly abandoned: (entry: Entry) => void;
  /** A method failed; for the log. */
  readonly failed: (user: string, why: string) => void;
  /** A bug. */
  readonly broken: (error: unknown) => void;
}

/** As many as sshd's MaxAuthTries. */
const maxFailures = 6;
/** Questions whether a key would do: agents hold many. */
const maxOffers = 20;
/** Requests that a client sends ahead without waiting for answers. */
const maxAhead = 8;

export class Userauth<Entry> {
  readonly #leg: ClientLeg;
  readonly #ports: UserauthPorts<Entry>;
  readonly #ending = new AbortController();
  #serviceRequests = 0;
  #user: string | undefined;
  #proved: KeyOwner | undefined;
  #failures = 0;
  #offers = 0;
  #dialogue: { readonly conversation: InfoRequests; readonly abort: AbortController } | undefined;
  /** Requests are handled one after the other. */
  #work: Promise<void> = Promise.resolve();
  #ahead = 0;
  #isOver = false;

  constructor(leg: ClientLeg, ports: UserauthPorts<Entry>) {
    this.#leg = leg;
    this.#ports = ports;
  }

  /** How many requests have failed. */
  get failures(): number {
    return this.#failures;
  }

  message(payload: Buffer): void {
    if (this.#isOver) return;
    switch (payload[0] ?? 0) {
      case msg.serviceRequest:
        return this.#acceptService(payload);
      case msg.userauthRequest:
        return this.#request(payload);
      case msg.userauthInfoResponse:
        if (this.#dialogue?.conversation.receive(payload) !== true) this.#violation('an answer to no question');
        return;
      default:
        this.#violation(`message ${payload[0] ?? 0} before authentication`);
    }
  }

  /** @param reason a DenyReason: `disconnected`, `timed-out`, `shutting-down` */
  end(reason: string): void {
    this.#isOver = true;
    this.#ending.abort(reason);
    this.#abandonDialogue(reason);
  }

  #acceptService(payload: Buffer): void {
    // paramiko asks again before each method.
    if (++this.#serviceRequests > maxOffers || serviceIn(payload) !== userauthService)
      return this.#leg.disconnect(bye.serviceNotAvailable, 'there is no such service before authentication');
    this.#leg.send(serviceAccept(userauthService));
  }

  #request(payload: Buffer): void {
    const request = parseAuthRequest(payload, this.#leg.sessionId);
    if (this.#serviceRequests === 0 || request === undefined) return this.#violation('a malformed request');
    if (request.service !== connectionService)
      return this.#leg.disconnect(bye.serviceNotAvailable, 'there is no such service');
    this.#user ??= request.user;
    if (this.#user !== request.user) return this.#violation('the user name may not change');
    if (++this.#ahead > maxAhead) return this.#violation('too many requests at once');
    this.#abandonDialogue('cancelled');
    this.#work = this.#work
      .then(async () => {
        this.#ahead--;
        if (!this.#isOver) await this.#handle(request);
      })
      .catch((error: unknown) => {
        this.#ports.broken(error);
        this.#leg.disconnect(bye.byApplication, 'internal error');
      });
  }

  /** RFC 4252 §5.3: a new request gives an unfinished one up. */
  #abandonDialogue(reason: string): void {
    this.#dialogue?.abort.abort(reason);
    this.#dialogue?.conversation.end();
  }

  async #handle({ user, method }: AuthRequest): Promise<void> {
    switch (method.kind) {
      case 'publickey':
        return await this.#tryKey(user, method.offer);
      case 'keyboard-interactive':
        return await this.#converse(user, new InfoRequests(payload => this.#leg.send(payload)));
      case 'none':
      case 'other':
        return this.#fail(user, `method ${method.kind}`, method.kind === 'none' && this.#failures === 0);
    }
  }

  async #tryKey(user: string, offer: KeyOffer): Promise<void> {
    // One key, one person: what was proved first stays.
    const owner = this.#proved === undefined ? this.#ports.ownerOf(offer) : 'a first factor is proved already';
    if (offer.proof === undefined) {
      if (typeof owner !== 'string') return this.#leg.send(pkOk(offer));
      if (++this.#offers > maxOffers) return this.#giveUp();
      return this.#leg.send(authFailure(this.#methods(), false));
    }
    if (typeof owner === 'string') return this.#fail(user, owner, false);
    if (!isProven(offer, owner)) return this.#fail(user, 'the signature is not by the key', false);
    this.#proved = owner;
    if (this.#ports.needsNoQuestion(user, owner)) return await this.#converse(user, new InfoRequests(undefined));
    this.#leg.send(authFailure(['keyboard-interactive'], true));
  }

  async #converse(user: string, conversation: InfoRequests): Promise<void> {
    const abort = new AbortController();
    this.#dialogue = { conversation, abort };
    const signal = AbortSignal.any([abort.signal, this.#ending.signal]);
    const entry = await this.#ports.logIn(user, this.#proved, conversation, signal);
    // A client far away may still have a text to answer (RFC 4256 §3.4), and would do so in the midst of its session.
    if (entry !== undefined) await conversation.allAnswered();
    this.#dialogue = undefined;
    if (entry !== undefined && (this.#isOver || signal.aborted)) this.#ports.abandoned(entry);
    if (this.#isOver) return;
    if (signal.aborted) return this.#fail(user, 'the dialogue was given up', false);
    // The dialogue has had its own second tries. What it refuses now, it refuses again.
    // Where a key alone was to be enough, but the host has a question, the person is to be there for it.
    if (entry === undefined && conversation.wasNeeded) return this.#leg.send(authFailure(this.#methods(), true));
    if (entry === undefined) {
      this.#ports.failed(user, 'the dialogue let nobody in');
      // Where nothing could be told, the last word says why.
      const why = conversation.interactive ? undefined : conversation.lastTold?.trim();
      return this.#leg.disconnect(bye.noMoreAuthMethods, why ?? 'Login Failed');
    }
    this.#isOver = true;
    this.#leg.send(authSuccess);
    this.#ports.entered(entry);
  }

  #fail(user: string, why: string, isFree: boolean): void {
    if (!isFree) {
      this.#failures++;
      this.#ports.failed(user, why);
    }
    if (this.#failures >= maxFailures) return this.#giveUp();
    this.#leg.send(authFailure(this.#methods(), false));
  }

  #methods(): string[] {
    return this.#proved === undefined ? ['publickey', 'keyboard-interactive'] : ['keyboard-interactive'];
  }

  #giveUp(): void {
    this.#leg.disconnect(bye.noMoreAuthMethods, 'Too many authentication failures');
  }

  #violation(what: string): void {
    this.#leg.disconnect(bye.protocolError, what);
  }
}
