import type { ServerTrouble, ServerVerifier } from '../auth/verifier.ts';

/** In the place of a server that is not asked at all: our own configuration or state is in trouble. */
export function noServer(trouble: ServerTrouble): ServerVerifier {
  const outcome = { kind: 'unavailable', ...trouble } as const;
  return {
    name: 'no-server',
    canMatchNumbers: () => false,
    verify: async () => ({ outcome, server: 'none' }),
    whyUnavailable: async () => trouble,
  };
}
