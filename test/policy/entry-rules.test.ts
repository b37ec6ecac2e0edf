import t from 'tap';
import {
  type EntryRule,
  type EntryRules,
  grantFor,
  inOneSpelling,
  type Passing,
} from '../../src/policy/entry-rules.ts';
import { usualGrant } from '../../src/policy/grant.ts';
import { parseHours } from '../../src/policy/hours.ts';
import { matchesPattern } from '../../src/policy/pattern.ts';
import { entryRule } from '../helpers/entry-rule.ts';

const monday = Date.UTC(2026, 10, 23, 9, 0); // 10:00 in Paris
const web1 = { name: 'web1', accounts: ['alice', 'deploy', 'root'], record: false };
const from =
  (address: string): Passing['isFrom'] =>
  networks =>
    networks.split(',').includes(address);
const alice: Passing = { person: 'alice@example.com', service: web1, account: 'alice', now: monday, isFrom: from('a') };

function rule(name: string, more: Partial<EntryRule> = {}): EntryRule {
  return { ...entryRule, name, grant: { ...entryRule.grant, rule: name }, ...more };
}

function verdict(rules: readonly EntryRule[], more: Partial<Passing> = {}, groups: EntryRules['groups'] = new Map()) {
  const found = grantFor({ groups, rules }, { ...alice, ...more });
  return found.kind === 'granted' ? found.grant.rule : found.reason;
}

t.test('without a policy everybody may enter, as the service is', async t => {
  t.equal(verdict([]), 'usual');
  t.strictSame(grantFor({ groups: new Map(), rules: [] }, alice), { kind: 'granted', grant: usualGrant(false) });
  const recorded = { ...web1, record: true };
  const found = grantFor({ groups: new Map(), rules: [] }, { ...alice, service: recorded });
  t.strictSame(found, { kind: 'granted', grant: usualGrant(true) });
  t.equal(verdict([], { account: 'bob' }), 'not-assigned', 'but no account that the service has not');
});

t.test('nobody is looked for in rules about other services: a server has thousands of both', async t => {
  const looked: string[] = [];
  const people = { get: (name: string): string[] => (looked.push(name), ['alice@example.com']) };
  const groups = Object.assign(new Map<string, string[]>(), people);
  const about = (service: string): EntryRule => rule(service, { groups: [service], services: [service] });
  t.equal(verdict([about('web2'), about('web1'), about('web3')], {}, groups), 'web1');
  t.strictSame(looked, ['web1']);
});

t.test('the first policy that speaks of person, service and account decides', async t => {
  const groups = new Map([['admins', ['alice@example.com', '*@ops.example.com']]]);
  for (const [what, rules, more, expected] of [
    ['the first of two', [rule('a'), rule('b')], {}, 'a'],
    ['a person', [rule('a', { people: ['bob@example.com'] }), rule('b')], {}, 'b'],
    ['a pattern of people', [rule('a', { people: ['*@example.com'] })], {}, 'a'],
    ['a group', [rule('a', { groups: ['admins'] })], {}, 'a'],
    ['a pattern in a group', [rule('a', { groups: ['admins'] })], { person: 'x@ops.example.com' }, 'a'],
    ['nobody of the group', [rule('a', { groups: ['admins'] })], { person: 'bob@example.com' }, 'not-assigned'],
    ['people or groups', [rule('a', { people: ['bob'], groups: ['admins'] })], {}, 'a'],
    ['another service', [rule('a', { services: ['db*'] })], {}, 'not-assigned'],
    ['a pattern of services', [rule('a', { services: ['db*', 'web?'] })], {}, 'a'],
    ['another account', [rule('a', { accounts: ['deploy'] }), rule('b', { accounts: ['*'] })], {}, 'b'],
    ['nobody', [rule('a', { people: ['bob'] })], {}, 'not-assigned'],
    ['an account that is none of the service', [rule('a', { accounts: ['*'] })], { account: 'bob' }, 'not-assigned'],
    [
      'the first says no, though the second would say yes',
      [rule('a', { lastDay: '2026-11-22' }), rule('b')],
      {},
      'expired',
    ],
  ] as const)
    t.equal(verdict(rules, more, groups), expected, what);
});

t.test('terms: the last day, networks and hours, in the time zone of the policy', async t => {
  const office = parseHours('Mon-Fri 10:00-18:00') ?? { spans: [] };
  for (const [what, terms, expected] of [
    ['on the last day', { lastDay: '2026-11-23' }, 'a'],
    ['a day later', { lastDay: '2026-11-22' }, 'expired'],
    ['a day later, but not yet in Samoa', { lastDay: '2026-11-22', timeZone: 'Pacific/Pago_Pago' }, 'a'],
    ['from there', { networks: 'a,b' }, 'a'],
    ['from elsewhere', { networks: 'b' }, 'foreign-address'],
    ['too early', { hours: office }, 'outside-hours'],
    ['not too early in Paris', { hours: office, timeZone: 'Europe/Paris' }, 'a'],
    ['too late and from elsewhere', { lastDay: '2020-01-01', networks: 'b', hours: office }, 'expired'],
    ['from elsewhere and too early', { networks: 'b', hours: office }, 'foreign-address'],
  ] as const)
    t.equal(verdict([rule('a', terms)]), expected, what);
});

t.test('what a service has recorded, no policy leaves out', async t => {
  for (const [ofRule, ofService, expected] of [
    [false, false, false],
    [true, false, true],
    [false, true, true],
  ] as const) {
    const rules = [rule('a', { grant: usualGrant(ofRule) })];
    const found = grantFor({ groups: new Map(), rules }, { ...alice, service: { ...web1, record: ofService } });
    t.match(found, { kind: 'granted', grant: { record: expected } });
  }
});

t.test('a person has one name', async t => {
  t.equal(inOneSpelling('Ali\u0301ce@Example.COM'), 'al\u00edce@example.com');
});

t.test('patterns match whole, and take no longer for being long', async t => {
  for (const [pattern, text, expected] of [
    ['web1', 'web1', true],
    ['web1', 'web10', false],
    ['web', 'web1', false],
    ['web*', 'web', true],
    ['*1', 'web11', true],
    ['w?b*', 'web', true],
    ['w?b', 'wb', false],
    ['*b*d', 'abcbd', true],
    ['', '', true],
    ['*', '', true],
    ['?', '', false],
    ['[a-z]', 'a', false],
  ] as const)
    t.equal(matchesPattern(pattern, text), expected, `${pattern} ${text}`);
  t.notOk(matchesPattern(`${'*a'.repeat(500)}b`, 'a'.repeat(5000)));
});
