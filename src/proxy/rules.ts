import type { Rules } from '../auth/ports.ts';
import type { AgentConfig } from '../config/config.ts';

/**
 * The rules about this host's own accounts do not count for those of others: at the proxy everybody needs a second factor,
 * and nobody comes in because the server is away.
 */
export function rulesOf({ policy, identity, throttle }: Pick<AgentConfig, 'policy' | 'identity' | 'throttle'>): Rules {
  const everybody = {
    requiredUsers: [],
    requiredGroups: [],
    exemptUsers: [],
    exemptGroups: [],
    observe: false,
    failMode: 'secure',
    failSafeOn: [],
    offlineUsers: [],
  } as const;
  return { policy: { ...policy, ...everybody }, identity, throttle };
}
