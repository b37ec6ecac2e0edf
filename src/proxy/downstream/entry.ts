import { graceBinding } from '../../auth/login.ts';
import type { ProxyService } from '../../config/config.ts';
import { type EntryVerdict, grantFor, inOneSpelling } from '../../policy/entry-rules.ts';
import type { Grant } from '../../policy/grant.ts';
import { isWithin, parseAddressList } from '../../ssh/source-address.ts';
import { isApproved } from './approval.ts';
import type { LoginPorts } from './login.ts';
import type { KeyOwner } from './proven-key.ts';
import { parseTarget } from './target.ts';

/** What policy says of a person who comes to a service. */
export function entryVerdict(
  { entry, clock }: Pick<LoginPorts<unknown>, 'entry' | 'clock'>,
  person: string,
  account: string,
  service: ProxyService,
  clientAddress: string,
): EntryVerdict {
  const isFrom = (networks: string): boolean => isWithin(parseAddressList(networks) ?? [], clientAddress);
  return grantFor(entry, { person, service, account, now: clock.now(), isFrom });
}

/** What policy grants a person on each account of a service that they may enter. */
export function grantsOn(
  ports: Pick<LoginPorts<unknown>, 'entry' | 'clock'>,
  person: string,
  service: ProxyService,
  clientAddress: string,
): Grant[] {
  return service.accounts.flatMap(account => {
    const verdict = entryVerdict(ports, person, account, service, clientAddress);
    return verdict.kind === 'granted' ? [verdict.grant] : [];
  });
}

/**
 * Is all known that the dialogue would ask? Only where the service is named, and policy wants no second factor or a grace
 * holds a while longer: a second, so that it is still there when authenticate() looks.
 */
export function needsNoQuestion(
  ports: Pick<LoginPorts<unknown>, 'services' | 'jump' | 'rules' | 'memory' | 'clock' | 'entry' | 'approvals'>,
  user: string,
  proved: KeyOwner,
  clientAddress: string,
): boolean {
  const { services, jump, rules, memory, clock } = ports;
  const { account, service: named } = parseTarget(user) ?? {};
  const service = named === undefined ? undefined : services.get(named);
  if (account === undefined || (service === undefined && named !== jump.name)) return false;
  const person = inOneSpelling(proved.person);
  if (service !== undefined) {
    const verdict = entryVerdict(ports, person, account, service, clientAddress);
    if (verdict.kind === 'refused') return false;
    const { approvalMs, secondFactor } = verdict.grant;
    if (approvalMs > 0 && !isApproved(ports, { person, account, service })) return false;
    if (secondFactor === 'not-required') return true;
  }
  if (rules.policy.graceMs === 0) return false;
  const binding = graceBinding({
    account,
    clientAddress,
    firstFactorProved: true,
    keyFingerprint: proved.fingerprint,
    through: { person, target: service?.name ?? jump.name },
  });
  return binding !== undefined && memory.graceUntil(binding) > clock.now() + 1000;
}
