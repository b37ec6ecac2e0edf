import type { LoginAttempt } from '../auth/attempt.ts';
import type { Proof, Verification, Verifier } from '../auth/verifier.ts';
import type { TrasaClient } from '../trasa/client.ts';
import { outcomeOf, outcomeWithout } from '../trasa/reasons.ts';

/** Codes and pushes, checked by a TRASA server. */
export class TrasaServerVerifier implements Verifier {
  readonly name = 'trasa-server';
  readonly #client: TrasaClient;

  constructor(client: TrasaClient) {
    this.#client = client;
  }

  canMatchNumbers(): boolean {
    this.#client.refreshCapabilities();
    return this.#client.capabilities.pushNumber;
  }

  async verify(attempt: LoginAttempt, trasaID: string, proof: Proof, signal: AbortSignal): Promise<Verification> {
    const delivery = await this.#client.nix({ attempt, trasaID, proof }, signal);
    const outcome =
      delivery.kind === 'answered'
        ? outcomeOf(delivery.envelope, proof.factor, delivery.elapsedMs)
        : outcomeWithout(delivery, proof.factor);
    return { outcome, server: delivery.server };
  }
}
