import { graceBinding } from '../../auth/login.ts';
import { MemoryError } from '../../auth/ports.ts';
import type { ProxyService } from '../../config/config.ts';
import { type EntryRules, type EntryVerdict, grantFor, inOneSpelling } from '../../policy/entry-rules.ts';
import type { Grant } from '../../policy/grant.ts';
import { withinNetworks } from '../../ssh/source-address.ts';
import { isApproved } from './approval.ts';
import type { LoginPorts } from './login.ts';
import type { KeyOwner } from './proven-key.ts';
import { parseTarget } from './target.ts';

interface PolicyPorts extends Pick<LoginPorts<unknown>, 'clock'> {
  readonly entry: EntryRules;
}

/** What policy says of a person who comes to a service. */
export function entryVerdict(
  { entry, clock }: PolicyPorts,
  person: string,
  account: string,
  service: ProxyService,
  clientAddress: string,
): EntryVerdict {
  const isFrom = (networks: string): boolean => withinNetworks(networks.split(','), clientAddress);
  return grantFor(entry, { person, service, account, now: clock.now(), isFrom });
}

/** What policy grants a person on each account of a service that they may enter. */
export function grantsOn(ports: PolicyPorts, person: string, service: ProxyService, clientAddress: string): Grant[] {
  return service.accounts.flatMap(account => {
    const verdict = entryVerdict(ports, person, account, service, clientAddress);
    return verdict.kind === 'granted' ? [verdict.grant] : [];
  });
}

/** Is there an account of it that this person may enter, but not now or not from where they are? */
export function isPartlyClosed(
  ports: PolicyPorts,
  person: string,
  service: ProxyService,
  clientAddress: string,
): boolean {
  return service.accounts.some(account => {
    const verdict = entryVerdict(ports, person, account, service, clientAddress);
    return verdict.kind === 'refused' && ['outside-hours', 'foreign-address'].includes(verdict.reason);
  });
}

/**
 * Is all known that the dialogue would ask? Only where the service is named, and policy wants no second factor or a grace
 * holds a while longer: a second, so that it is still there when authenticate() looks.
 */
export function needsNoQuestion(ports: KnowledgePorts, user: string, proved: KeyOwner, clientAddress: string): boolean {
  try {
    return isAllKnown(ports, user, proved, clientAddress);
  } catch (error) {
    if (error instanceof MemoryError) return false; // the dialogue finds that, too, and says so
    throw error;
  }
}

type KnowledgePorts = Pick<LoginPorts<unknown>, 'offers' | 'jump' | 'rules' | 'memory' | 'clock' | 'approvals'>;

function isAllKnown(ports: KnowledgePorts, user: string, proved: KeyOwner, clientAddress: string): boolean {
  const { clock, jump } = ports;
  const { services, entry, nameOf } = ports.offers();
  const { account, service: named } = parseTarget(user) ?? {};
  if (account === undefined || named === undefined) return false;
  const person = nameOf(inOneSpelling(proved.person));
  const holds = (): boolean => graceHolds(ports, { account, person, target: named }, proved, clientAddress);
  if (named === jump.name) return holds();
  const service = services.get(named);
  if (service === undefined) return false;
  const verdict = entryVerdict({ entry, clock }, person, account, service, clientAddress);
  if (verdict.kind === 'refused') return false;
  const { approvalMs, secondFactor } = verdict.grant;
  if (approvalMs > 0 && !isApproved(ports, { person, account, service, grant: verdict.grant })) return false;
  return secondFactor === 'not-required' || holds();
}

function graceHolds(
  { rules, memory, clock }: Pick<LoginPorts<unknown>, 'rules' | 'memory' | 'clock'>,
  { account, person, target }: { readonly account: string; readonly person: string; readonly target: string },
  { fingerprint: keyFingerprint }: KeyOwner,
  clientAddress: string,
): boolean {
  if (rules.policy.graceMs === 0) return false;
  const through = { person, target };
  const binding = graceBinding({ account, clientAddress, firstFactorProved: true, keyFingerprint, through });
  return binding !== undefined && memory.graceUntil(binding) > clock.now() + 1000;
}
