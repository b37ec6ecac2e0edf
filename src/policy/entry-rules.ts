/**
 * Who may enter which account of which service behind the proxy, when, from where, and what they may do there: the
 * `[proxy.policies]` of the configuration.
 *
 * The first rule, in the order of the file, that speaks of person, service and account decides; no later one is asked, even
 * if the first then says no. Without any rule everybody may enter.
 */
import { type Grant, usualGrant } from './grant.ts';
import { type Hours, wallTime, withinHours } from './hours.ts';
import { matchesAny } from './pattern.ts';

export interface EntryRules {
  /** Name → TRASA IDs of the members, or patterns, in the spelling of {@link inOneSpelling}. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  readonly rules: readonly EntryRule[];
}

/** Lists of names and patterns; undefined: all. */
export interface EntryRule {
  readonly name: string;
  /** In the spelling of {@link inOneSpelling}. Whoever is among these or in one of the groups. */
  readonly people: readonly string[] | undefined;
  readonly groups: readonly string[] | undefined;
  readonly services: readonly string[] | undefined;
  readonly accounts: readonly string[] | undefined;
  readonly hours: Hours;
  /** IANA name; `hours` and `lastDay` are meant there. */
  readonly timeZone: string;
  /** YYYY-MM-DD */
  readonly lastDay: string | undefined;
  /** CIDR blocks with commas between them; empty: from anywhere. */
  readonly networks: string;
  readonly grant: Grant;
}

/** Where a person wants to go. */
export interface Passing {
  /** In the spelling of {@link inOneSpelling}. */
  readonly person: string;
  readonly service: { readonly name: string; readonly accounts: readonly string[]; readonly record: boolean };
  readonly account: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Does the person come from one of these CIDR blocks? */
  readonly isFrom: (networks: string) => boolean;
}

export type EntryVerdict =
  | { readonly kind: 'granted'; readonly grant: Grant }
  | { readonly kind: 'refused'; readonly reason: EntryRefusal; readonly detail: string };

export type EntryRefusal = 'not-assigned' | 'expired' | 'foreign-address' | 'outside-hours';

/** In the order of TRASA's own policy check: expiry, address, hours. */
export function grantFor(rules: EntryRules, passing: Passing): EntryVerdict {
  const { service, account, now, isFrom } = passing;
  if (!service.accounts.includes(account)) return refused('not-assigned', 'not an account of the service');
  if (rules.rules.length === 0) return { kind: 'granted', grant: usualGrant(service.record) };
  const rule = rules.rules.find(one => speaksOf(one, rules.groups, passing));
  if (rule === undefined) return refused('not-assigned', 'no policy is for this person, service and account');
  const here = wallTime(now, rule.timeZone);
  if (rule.lastDay !== undefined && here.date > rule.lastDay) return refused('expired', `policy ${rule.name}`);
  if (rule.networks !== '' && !isFrom(rule.networks)) return refused('foreign-address', `policy ${rule.name}`);
  if (!withinHours(rule.hours, here)) return refused('outside-hours', `policy ${rule.name}`);
  return { kind: 'granted', grant: { ...rule.grant, record: rule.grant.record || service.record } };
}

/** Holds, grace, groups and approvals of one person are under one name, however it is typed. */
export function inOneSpelling(trasaID: string): string {
  return trasaID.normalize('NFC').toLowerCase();
}

/** People come last: a server has thousands of them in its rules, and each rule is about one service. */
function speaksOf(rule: EntryRule, groups: EntryRules['groups'], { person, service, account }: Passing): boolean {
  const { services, accounts } = rule;
  return (
    (services === undefined || matchesAny(services, service.name)) &&
    (accounts === undefined || matchesAny(accounts, account)) &&
    isAmong(rule, groups, person)
  );
}

function isAmong({ people, groups: named }: EntryRule, groups: EntryRules['groups'], person: string): boolean {
  if (people === undefined && named === undefined) return true;
  return matchesAny(people ?? [], person) || (named ?? []).some(name => matchesAny(groups.get(name) ?? [], person));
}

function refused(reason: EntryRefusal, detail: string): EntryVerdict {
  return { kind: 'refused', reason, detail };
}
