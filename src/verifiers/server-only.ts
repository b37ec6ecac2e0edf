import type { ServerVerifier, Verifier } from '../auth/verifier.ts';

/** A server and nothing beside it: recovery codes are of another host, and wrong here. None of them reaches the server. */
export function serverOnly(server: ServerVerifier): Verifier {
  return {
    name: server.name,
    canMatchNumbers: () => server.canMatchNumbers(),
    verify: async (attempt, trasaID, proof, signal) =>
      proof.factor === 'recovery-code'
        ? { outcome: { kind: 'invalid' }, server: server.name }
        : await server.verify(attempt, trasaID, proof, signal),
  };
}
