/** Where a jump may lead: to a service, by its name or by its configured address, and nowhere else. */
import type { ProxyService } from '../../config/config.ts';
import type { Grant } from '../../policy/grant.ts';
import { cleanText } from '../../protocol/clean.ts';
import { type Address, placeText } from '../relay/places.ts';

export interface JumpRules {
  readonly services: ReadonlyMap<string, ProxyService>;
  /**
   * What policy grants now to whoever jumps, on each account of the service that they may enter: which of them they enter
   * behind a jump cannot be seen.
   */
  readonly grantsFor: (service: ProxyService) => readonly Grant[];
  /** Is there an account of it that they may enter, but not now or not from where they are? */
  readonly isPartlyClosed: (service: ProxyService) => boolean;
}

/** The usual port of `ssh -J PROXY web1`, which knows nothing of the one that web1 has. */
const usualPort = 22;

/** Where it leads, and for how long. */
export interface Destination extends Pick<Grant, 'idleMs' | 'sessionMs'> {
  readonly service: ProxyService;
}

/** A string says why it leads nowhere: for the person. */
export function destinationOf(
  asked: Address,
  { services, grantsFor, isPartlyClosed }: JumpRules,
): Destination | string {
  const all = [...services.values()];
  const named = serviceNamed(asked, all);
  const candidates = named === undefined ? all.filter(service => isAt(service, asked)) : [named];
  const mine = candidates.filter(service => grantsFor(service).length > 0);
  const [first] = mine;
  // One answer, whether there is none or none for this person.
  if (first === undefined) return `there is no service ${cleanText(placeText(asked), 200)} for you here`;
  const service = mine.find(one => grantsFor(one).some(({ forwarding }) => forwarding.jump));
  if (service === undefined) return `policy does not let you jump to ${first.name}: ${command(first)}`;
  if (service.via !== undefined)
    return `${service.name} is reached over another host, which a jump is not: ${command(service)}`;
  // A host may be several services. What is so of one of them, another is no way around.
  const besides = all.filter(one => isAt(one, service));
  for (const beside of besides) {
    const why = isPartlyClosed(beside)
      ? 'is not open to you now with each account, and a jump does not show which one it is for'
      : grantsFor(beside).map(whyNoJump).find(isText);
    if (why !== undefined) return `${beside.name} ${why}: ${command(beside)}`;
  }
  const grants = besides.flatMap(grantsFor);
  return {
    service,
    idleMs: shortest(grants.map(({ idleMs }) => idleMs)),
    sessionMs: shortest(grants.map(({ sessionMs }) => sessionMs)),
  };
}

function isText(value: string | undefined): value is string {
  return value !== undefined;
}

/** 0 is none. */
function shortest(times: readonly number[]): number {
  const limits = times.filter(ms => ms > 0);
  return limits.length === 0 ? 0 : Math.min(...limits);
}

/** What goes through a jump is not seen. */
function whyNoJump({ record, approvalMs, shell, commands, fileTransfer }: Grant): string | undefined {
  if (record) return 'is recorded, which a jump cannot be';
  if (approvalMs > 0) return 'takes an approval, which a jump cannot have';
  const isAllGranted = shell && commands === undefined && fileTransfer;
  return isAllGranted ? undefined : 'is limited to what you may do there, which a jump cannot be';
}

/** By its very name; else by the one that differs in case only, since ssh makes names small. */
function serviceNamed({ host, port }: Address, all: readonly ProxyService[]): ProxyService | undefined {
  const small = host.toLowerCase();
  const alike = all.filter(({ name }) => name.toLowerCase() === small);
  const service = alike.find(({ name }) => name === host) ?? (alike.length === 1 ? alike[0] : undefined);
  return service !== undefined && (port === usualPort || port === service.port) ? service : undefined;
}

function isAt(service: Address, { host, port }: Address): boolean {
  return service.port === port && service.host.toLowerCase() === host.toLowerCase();
}

function command({ name }: ProxyService): string {
  return `say ssh ACCOUNT@${name}@PROXY`;
}
