import type { Ports } from '../auth/ports.ts';
import type { ServerTrouble } from '../auth/verifier.ts';
import type { Standing } from './service.ts';

export const noConfiguration: ServerTrouble = {
  cause: 'configuration',
  detail: 'the configuration is missing or wrong; see the problems that were logged',
};

type PortsOfStanding = Pick<Ports, 'verifier' | 'memory' | 'audit' | 'rules' | 'emergency'>;

/** What authenticate() goes by as things stand. Undefined: there is no configuration, and nothing was prepared for that. */
export function portsOf(standing: Standing): PortsOfStanding | undefined {
  const { audit, emergency } = standing;
  if (standing.kind === 'ready') {
    const { verifier, memory, rules } = standing;
    return { verifier, memory, audit, rules, emergency: detail => emergency({ cause: 'state', detail }) };
  }
  const alone = emergency(noConfiguration);
  if (alone === undefined) return undefined;
  const { policy, throttle } = standing.config;
  // Nobody is exempt. The factors are the account's; who the person is, no rule can tell.
  const identity = { people: new Map<string, string>(), keys: new Map<string, string>(), domain: 'localhost' };
  return { ...alone, audit, rules: { policy, throttle, identity } };
}
