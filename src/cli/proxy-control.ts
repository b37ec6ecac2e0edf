/** What the commands that ask a running proxy by its control socket have in common. */
import { exitStatus } from '../policy/refusals.ts';
import { fail } from './server-common.ts';

export const stateOption = {
  state: {
    type: 'string',
    requiresArg: true,
    default: '/var/lib/trasa-proxy',
    describe: 'stateDirectory of the proxy, where its control socket is',
  },
} as const;

/** @param work its string says why it failed; no proxy that answers is thrown */
export async function trying(work: () => Promise<string | undefined>): Promise<void> {
  const { NoProxyError } = await import('../proxy/control/ask-proxy.ts');
  try {
    const why = await work();
    if (why !== undefined) fail(why);
  } catch (error) {
    if (!(error instanceof NoProxyError)) throw error;
    fail(error.message, exitStatus.unavailable);
  }
}
