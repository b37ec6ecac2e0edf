import { lookup as dnsLookup } from 'node:dns';
import type { ServerSettings } from '../config/config.ts';
import type { Secret } from '../otp/secret.ts';
import { cataloguePath, vaultPath } from './catalogue.ts';
import {
  type CatalogueReply,
  catalogueReply,
  maxCatalogueBytes,
  type VaultReply,
  vaultReply,
} from './catalogue-reply.ts';
import { type Answered, Deliverer, type Delivery, type Errand, type Network } from './delivery.ts';
import { type Capabilities, type Envelope, noCapabilities, own } from './envelope.ts';
import { sharedLookup } from './lookup.ts';
import { type PasswordOutcome, passwordOutcome } from './password.ts';
import {
  catalogueBody,
  checkConfigBody,
  identityBody,
  type NixRequest,
  nixBody,
  type VaultRequest,
  vaultBody,
} from './requests.ts';

/** Between two questions about capabilities, at least. */
const relearnMs = 60_000;

/**
 * The TRASA server's API for native agents. The only object that holds the service key; one per configuration.
 *
 * Its methods never throw for what the network or a server does, and nothing that they return holds a secret.
 */
export class TrasaClient {
  readonly #settings: ServerSettings;
  readonly #hostname: string;
  readonly #network: Network;
  readonly #deliverer: Deliverer;
  readonly #closing = new AbortController();
  #capabilities = noCapabilities;
  #learnedAt = Number.NEGATIVE_INFINITY;

  /** @param hostname of this host, shown by the server */
  constructor(settings: ServerSettings, hostname: string, network: Partial<Network> = {}) {
    this.#settings = settings;
    this.#hostname = hostname;
    this.#network = { ...realNetwork(), ...network };
    this.#deliverer = new Deliverer(settings, this.#network);
  }

  /** Checks a code, or sends a push and waits for it. An abort closes the request, and so takes the push back. */
  async nix(request: NixRequest, signal: AbortSignal): Promise<Delivery> {
    const isPush = request.proof.factor === 'push';
    const delivery = await this.#deliverer.deliver(
      {
        path: '/auth/agent/nix',
        body: nixBody(this.#settings, this.#hostname, request),
        repeat: 'once',
        // A push occupies its connection for a minute; and a warm one that died unnoticed could not be told from a
        // push that was sent.
        freshConnection: isPush,
        answerTimeoutMs: isPush ? this.#settings.pushTimeoutMs : this.#settings.responseTimeoutMs,
      },
      signal,
    );
    // Not demanded even of a server that announced it: the next in the list may be a TRASA v1.1, which never echoes.
    if (delivery.kind === 'answered' && (delivery.envelope.attempt ?? request.attempt.id) !== request.attempt.id)
      return badAnswer(delivery, 'answer for another attempt');
    // A server that does not know the field has judged the proxy's own service.
    if (delivery.kind === 'answered' && delivery.envelope.status === 'success' && !isAbout(request, delivery.envelope))
      return badAnswer(delivery, 'answer about another service');
    return delivery;
  }

  /** Asks the embedded server what an access proxy has to know. @param known the revision that we have */
  async catalogue(known: string, signal: AbortSignal): Promise<CatalogueReply> {
    const delivery = await this.#deliverer.deliver(
      {
        path: cataloguePath,
        body: catalogueBody(this.#settings, known),
        repeat: 'harmless',
        freshConnection: false,
        answerTimeoutMs: this.#settings.responseTimeoutMs,
        maxBodyBytes: maxCatalogueBytes,
      },
      signal,
    );
    return catalogueReply(delivery);
  }

  /** Asks the embedded server for what opens an account, for one login. */
  async vault(request: VaultRequest, signal: AbortSignal): Promise<VaultReply> {
    const delivery = await this.#deliverer.deliver(
      {
        path: vaultPath,
        body: vaultBody(this.#settings, request),
        repeat: 'harmless',
        freshConnection: false,
        answerTimeoutMs: this.#settings.responseTimeoutMs,
      },
      signal,
    );
    return vaultReply(delivery, request.attempt);
  }

  /** Checks a person's password: the first factor of the access proxy. It is sent to one server, unless that is away. */
  async identity(email: string, password: Secret, signal: AbortSignal): Promise<PasswordOutcome> {
    const delivery = await this.#deliverer.deliver(
      {
        path: '/auth/identity',
        body: identityBody(email, password),
        repeat: 'once',
        freshConnection: false,
        answerTimeoutMs: this.#settings.responseTimeoutMs,
      },
      signal,
    );
    return passwordOutcome(delivery);
  }

  /** Asks whether serviceID and serviceKey are right. `observe` is shown the head of each answer. */
  async checkConfig(signal: AbortSignal, observe?: Errand['observe']): Promise<Delivery> {
    this.#learnedAt = this.#network.monotonicNow();
    const delivery = await this.#deliverer.deliver(
      {
        path: '/auth/agent/checkconfig',
        body: checkConfigBody(this.#settings),
        repeat: 'harmless',
        freshConnection: false,
        answerTimeoutMs: this.#settings.responseTimeoutMs,
        ...(observe === undefined ? {} : { observe }),
      },
      signal,
    );
    if (delivery.kind === 'answered' && delivery.envelope.status === 'success')
      this.#capabilities = delivery.envelope.capabilities;
    return delivery;
  }

  /** What the server can do beyond TRASA v1.1, as far as was learned. */
  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  /** Learns them, at start and reload. A failure leaves what was known; it also warms the connection. */
  async learnCapabilities(signal: AbortSignal): Promise<void> {
    await this.checkConfig(signal);
  }

  /** Learns them again in the background, at most every minute. Returns at once: no login waits for it. */
  refreshCapabilities(): void {
    if (this.#network.monotonicNow() - this.#learnedAt < relearnMs) return;
    void this.learnCapabilities(this.#closing.signal);
  }

  /** Ends the background work and closes idle connections. Logins under way go on with this client. */
  close(): void {
    this.#closing.abort();
    this.#deliverer.close();
  }
}

function isAbout({ target }: NixRequest, { extra }: Envelope): boolean {
  return target === undefined || own(extra, 'targetService') === target;
}

function badAnswer({ server, elapsedMs }: Answered, detail: string): Delivery {
  return { kind: 'unavailable', cause: 'bad-answer', detail, server, elapsedMs };
}

function realNetwork(): Network {
  return { lookup: sharedLookup(dnsLookup), monotonicNow: () => performance.now(), now: () => Date.now() };
}
