import type { LoginAttempt } from '../auth/attempt.ts';
import type { ServerProof, ServerTrouble, ServerVerifier, Verification } from '../auth/verifier.ts';
import { cleanText } from '../protocol/clean.ts';
import type { TrasaClient } from '../trasa/client.ts';
import { outcomeOf, outcomeWithout } from '../trasa/reasons.ts';

/** Codes and pushes, checked by a TRASA server. */
export class TrasaServerVerifier implements ServerVerifier {
  readonly name = 'trasa-server';
  readonly #client: TrasaClient;
  readonly #target: string | undefined;

  /** @param target of all that it verifies; see NixRequest */
  constructor(client: TrasaClient, target?: string) {
    this.#client = client;
    this.#target = target;
  }

  canMatchNumbers(): boolean {
    this.#client.refreshCapabilities();
    return this.#client.capabilities.pushNumber;
  }

  async verify(attempt: LoginAttempt, trasaID: string, proof: ServerProof, signal: AbortSignal): Promise<Verification> {
    const delivery = await this.#client.nix({ attempt, trasaID, proof, target: this.#target }, signal);
    const outcome =
      delivery.kind === 'answered'
        ? outcomeOf(delivery.envelope, proof.factor, delivery.elapsedMs)
        : outcomeWithout(delivery, proof.factor);
    return { outcome, server: delivery.server };
  }

  /** By `checkconfig`, which has deadlines of its own. */
  async whyUnavailable(signal: AbortSignal): Promise<ServerTrouble | undefined> {
    const delivery = await this.#client.checkConfig(signal);
    if (delivery.kind === 'unavailable') return delivery;
    if (delivery.envelope.status === 'success') return undefined;
    return { cause: 'credentials', detail: cleanText(delivery.envelope.reason, 120) };
  }
}
