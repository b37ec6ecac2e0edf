/** The proxy's hold on the server's catalogue: asked for, kept on disk, too old; and what people are offered of it. */
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { AgentConfig } from '../../src/config/config.ts';
import { grantFor } from '../../src/policy/entry-rules.ts';
import { usualTerms } from '../../src/policy/session-terms.ts';
import { CatalogueKeeper } from '../../src/proxy/catalogue/keeper.ts';
import { liveOffers, type Offers, offersOf } from '../../src/proxy/catalogue/offers.ts';
import { emptyKrl } from '../../src/ssh/krl.ts';
import type { Catalogue } from '../../src/trasa/catalogue.ts';
import type { CatalogueReply } from '../../src/trasa/catalogue-reply.ts';
import { entryRule } from '../helpers/entry-rule.ts';
import { proxyService } from '../helpers/proxy-service.ts';
import { newPair } from '../ssh/authority.ts';
import { catalogue, message, policy, service } from './catalogue.ts';

const away: CatalogueReply = { kind: 'none', detail: 'unreachable' };

interface Kept {
  readonly keeper: CatalogueKeeper;
  readonly file: string;
  readonly lines: string[];
  /** The revisions that it said it had. */
  readonly asked: string[];
  answer: CatalogueReply;
  now: number;
  /** Another process on the same disk. */
  again: () => Kept;
}

function keep(t: Test, file: string, answer: CatalogueReply, now: number, source = 'https://trasa service-1'): Kept {
  const [lines, asked]: [string[], string[]] = [[], []];
  const say = (text: string, facts: object = {}): void => void lines.push(`${text} ${JSON.stringify(facts)}`);
  const kept: Kept = {
    file,
    lines,
    asked,
    answer,
    now,
    again: () => keep(t, file, kept.answer, kept.now, source),
    keeper: new CatalogueKeeper({
      file,
      source,
      maxAgeMs: 3_600_000,
      ask: async known => {
        asked.push(known);
        return await Promise.resolve(kept.answer);
      },
      clock: { now: () => kept.now },
      log: { info: say, warn: say, error: say, bug: error => say(String(error)) },
    }),
  };
  t.teardown(() => kept.keeper.stop());
  return kept;
}

function place(t: Test): string {
  const folder = join(t.testdir(), 'state');
  mkdirSync(folder, { mode: 0o700 });
  return join(folder, 'catalogue.json');
}

const some: CatalogueReply = { kind: 'new', revision: 'r1', catalogue: message() };

t.test('it comes from the server, and is asked for by its revision from then on', async t => {
  const kept = keep(t, place(t), some, 1_000_000);
  await kept.keeper.start();
  const first = kept.keeper.current;
  t.match(first, { services: [{ name: 'db1' }] });
  t.equal(statSync(kept.file).mode & 0o777, 0o600);
  kept.answer = { kind: 'unchanged' };
  await kept.keeper.poll();
  t.equal(kept.keeper.current, first, 'the same object');
  kept.answer = { kind: 'new', revision: 'r2', catalogue: message({ services: [] }) };
  await kept.keeper.poll();
  t.match(kept.keeper.current, { services: [] });
  t.same(kept.asked, ['', 'r1', 'r1']);
});

t.test('while the server is away the last one goes on, over a restart too, until it is too old', async t => {
  const kept = keep(t, place(t), some, 1_000_000);
  await kept.keeper.start();
  kept.answer = away;
  kept.now += 1_800_000;
  await kept.keeper.poll();
  await kept.keeper.poll();
  t.ok(kept.keeper.current);
  t.equal(kept.lines.filter(line => line.includes('no news')).length, 1, 'said once');
  const next = kept.again();
  await next.keeper.start();
  t.match(next.keeper.current, { services: [{ name: 'db1' }] });
  t.match(next.lines.join(), /no news of the catalogue: the last one goes on .*unreachable.*1970-01-01T00:16:40/);
  next.now += 1_800_001;
  t.equal(next.keeper.current, undefined);
  t.equal(next.keeper.current, undefined);
  t.equal(next.lines.filter(line => line.includes('too old')).length, 1, 'said once');
  const last = next.again();
  await last.keeper.start();
  t.equal(last.keeper.current, undefined, 'nor does a restart make it younger');
  t.match(last.lines.join(), /there is no catalogue/);
  next.answer = { kind: 'unchanged' };
  await next.keeper.poll();
  t.ok(next.keeper.current, 'the server has confirmed it');
});

t.test('that it still holds is known after a restart', async t => {
  const kept = keep(t, place(t), some, 1_000_000);
  await kept.keeper.start();
  kept.answer = { kind: 'unchanged' };
  kept.now += 3_000_000;
  await kept.keeper.poll();
  kept.answer = away;
  kept.now += 3_000_000;
  const next = kept.again();
  await next.keeper.start();
  t.ok(next.keeper.current);
});

t.test('what is on disk counts only if we wrote it, for this server', async t => {
  const kept = keep(t, place(t), some, 1_000_000);
  await kept.keeper.start();
  const text = readFileSync(kept.file, 'utf8');
  const start = async (content: string, mode = 0o600, source?: string) => {
    writeFileSync(kept.file, content);
    chmodSync(kept.file, mode);
    const next = keep(t, kept.file, away, 1_000_000, source);
    await next.keeper.start();
    t.equal(next.keeper.current, undefined);
    return next.lines.join();
  };
  t.match(await start(text, 0o644), /can be read by everyone/);
  t.match(await start(text, 0o620), /can be written by others/);
  t.match(await start(text, 0o600, 'https://other service-1'), /is of another server/);
  t.match(await start(text.slice(0, -2)), /is not what was written there/);
  t.match(await start(text.replace('"version":1', '"version":2')), /version is not 1/);
  t.match(await start(text.replace('1000000', '"now"')), /is not what was written there/);
  t.match(await start(text.replace('1000000', '9000000')), /too old/, 'nor if it is of a time to come');
});

t.test('an answer that makes no sense changes nothing', async t => {
  const kept = keep(t, place(t), { kind: 'unchanged' }, 1_000_000);
  await kept.keeper.start();
  t.equal(kept.keeper.current, undefined);
  t.match(kept.lines.join(), /nothing has changed, but there was nothing/);
  kept.answer = some;
  await kept.keeper.poll();
  const first = kept.keeper.current;
  kept.answer = { kind: 'new', revision: 'r2', catalogue: message({ policies: [{ ...policy, hours: 'never' }] }) };
  await kept.keeper.poll();
  t.equal(kept.keeper.current, first);
  t.match(kept.lines.join(), /what came is not a catalogue: policies\[0\]\.hours are none/);
});

t.test('a disk that takes nothing is no reason to do without', async t => {
  const kept = keep(t, join(t.testdir(), 'missing', 'catalogue.json'), some, 1_000_000);
  await kept.keeper.start();
  t.ok(kept.keeper.current);
  t.notOk(existsSync(kept.file));
  t.match(kept.lines.join(), /the catalogue cannot be kept/);
});

function offers(of: Catalogue | undefined, proxy: Partial<AgentConfig['proxy']> = {}): Offers & { clashes: string[] } {
  const clashes: string[] = [];
  const own = {
    services: new Map([['web1', proxyService]]),
    keys: new Map([['SHA256:a', 'alice@example.com']]),
    entry: { groups: new Map(), rules: [] },
    systemCAs: [],
    ...proxy,
  };
  const server = { serviceID: 'gate', serviceKey: proxyService.serviceKey };
  const config = { server, proxy: own } as unknown as AgentConfig;
  return { ...offersOf(config, of, text => clashes.push(text)), clashes };
}

function verdict({ services, entry }: Offers, person: string, account: string, name: string, from = '192.0.2.7') {
  const to = services.get(name);
  if (to === undefined) return 'no service';
  const isFrom = (networks: string): boolean => networks === from;
  const found = grantFor(entry, { person, account, service: to, now: Date.UTC(2026, 10, 23, 9), isFrom });
  return found.kind === 'granted' ? found.grant.rule : found.reason;
}

t.test('without a catalogue there is what the configuration has', async t => {
  const only = offers(undefined);
  t.same([...only.services.keys()], ['web1']);
  t.equal(verdict(only, 'bob@example.com', 'alice', 'web1'), 'usual');
  t.equal(only.nameOf('alice'), 'alice');
});

t.test('the catalogue is beside it: each service by its own rules', async t => {
  const system = newPair().key;
  const both = offers({ ...catalogue({ keys: { 'SHA256:b': 'bob@example.com' } }), systemCAs: [system] });
  t.match(both.services.get('db1'), {
    serviceID: 'gate',
    host: '10.0.0.7',
    accounts: ['alice'],
    listed: { id: 'service-1', vault: [] },
  });
  t.equal(verdict(both, 'alice@example.com', 'alice', 'db1'), 'alice@example.com alice@db1');
  t.equal(verdict(both, 'bob@example.com', 'alice', 'db1'), 'not-assigned');
  t.equal(verdict(both, 'alice@example.com', 'root', 'db1'), 'not-assigned');
  t.equal(verdict(both, 'bob@example.com', 'alice', 'web1'), 'usual', 'which was open to everybody, and still is');
  t.same(
    [...both.keys],
    [
      ['SHA256:b', 'bob@example.com'],
      ['SHA256:a', 'alice@example.com'],
    ],
  );
  t.same(both.systemCAs, [system]);
  t.equal(both.nameOf('alice'), 'alice@example.com', 'whoever typed the username is the same person');
  t.equal(both.nameOf('carol'), 'carol');
  t.same(both.clashes, []);
});

t.test('what is granted is what the server says', async t => {
  const session = { ...usualTerms(), record: true, shell: false, commands: ['uptime'], idleMs: 60_000 };
  const operators = { ...policy, holder: '@operators', account: 'root', tfa: false, networks: ['10.0.0.0/8'], session };
  const both = offers(
    catalogue({ policies: [operators, policy], groups: { operators: ['Bob@example.com'], nobody: [] } }),
  );
  const { services, entry } = both;
  const db1 = services.get('db1');
  if (db1 === undefined) throw new Error('no db1');
  const passing = { person: 'bob@example.com', account: 'root', service: db1, now: 0, isFrom: () => true };
  t.same(grantFor(entry, passing), {
    kind: 'granted',
    grant: { ...session, rule: '@operators root@db1', secondFactor: 'not-required' },
  });
  t.equal(verdict(both, 'bob@example.com', 'root', 'db1', '192.0.2.7'), 'foreign-address');
  t.equal(verdict(both, 'alice@example.com', 'root', 'db1'), 'not-assigned');
  const gone = offers(catalogue({ policies: [operators], groups: {} }));
  t.equal(
    verdict(gone, 'bob@example.com', 'root', 'db1'),
    'not-assigned',
    'a group that is not there has nobody in it',
  );
});

t.test('the configuration holds where both have something, and the log says so', async t => {
  const policies = [policy, { ...policy, service: 'web1', account: 'root' }];
  const services = [service, { ...service, name: 'web1', host: 'evil' }];
  const both = offers(catalogue({ services, policies, keys: { 'SHA256:a': 'mallory@example.com' } }));
  t.match(both.services.get('web1'), { host: '10.0.0.5', accounts: ['alice'] });
  t.equal(both.keys.get('SHA256:a'), 'alice@example.com');
  t.notOk(
    both.entry.rules.some(rule => rule.accounts?.includes('root') === true),
    'nor do policies for its service count',
  );
  t.match(both.clashes, [/^service web1 is in the configuration and/, /^key SHA256:a is one person's/]);
  const rule = { ...entryRule, name: 'mine', people: ['bob@example.com'], services: ['*'] };
  const ruled = offers(catalogue(), { entry: { groups: new Map(), rules: [rule] } });
  t.equal(verdict(ruled, 'bob@example.com', 'alice', 'db1'), 'everybody', 'its policies come first');
  t.equal(verdict(ruled, 'alice@example.com', 'alice', 'web1'), 'not-assigned', 'and leave nothing open');
});

t.test('a policy of the configuration that names somebody by their username is about them still', async t => {
  const groups = new Map([['watched', ['bob']]]);
  const rules = [
    { ...entryRule, grant: { ...entryRule.grant, rule: 'by name' }, people: ['alice'] },
    { ...entryRule, grant: { ...entryRule.grant, rule: 'by group' }, groups: ['watched'] },
    entryRule,
  ];
  const usernames = { alice: 'alice@example.com', bob: 'bob@example.com' };
  const both = offers(catalogue({ usernames }), { entry: { groups, rules } });
  for (const [username, rule] of [
    ['alice', 'by name'],
    ['bob', 'by group'],
    ['carol', 'everybody'],
  ] as const)
    t.equal(verdict(both, both.nameOf(username), 'alice', 'web1'), rule);
  t.equal(verdict(offers(undefined, { entry: { groups, rules } }), 'bob', 'alice', 'web1'), 'by group');
});

t.test('what stands for ssh -J is no service: a grace for one would be a grace for the other', async t => {
  const services = [{ ...service, name: 'jump' }, { ...service, name: 'Jump' }, service];
  const both = offers(catalogue({ services, policies: [policy, { ...policy, service: 'jump' }] }));
  t.same([...both.services.keys()], ['web1', 'db1']);
  t.match(both.clashes, [/^service jump of the catalogue has the name/, /^service Jump /]);
});

t.test('a name that would be a pattern is nobody’s', async t => {
  const both = offers(catalogue({ policies: [{ ...policy, account: '*' }, { ...policy, holder: '*' }, policy] }));
  t.equal(verdict(both, 'bob@example.com', 'alice', 'db1'), 'not-assigned');
  t.equal(verdict(both, 'alice@example.com', 'alice', 'db1'), 'alice@example.com alice@db1');
});

t.test('what was revoked stays revoked when the catalogue counts no longer: a login may have begun before', async t => {
  const { services, keys, entry, systemCAs } = offers(undefined);
  const config = { server: {}, proxy: { services, keys, entry, systemCAs } } as unknown as AgentConfig;
  let current: Catalogue | undefined = { ...catalogue(), krls: [emptyKrl] };
  const live = liveOffers(
    config,
    () => current,
    () => {},
  );
  t.equal(live().services.size, 2);
  current = undefined;
  t.equal(live().services.size, 1);
  t.strictSame(live().revoked, [emptyKrl]);
  t.equal(live(), live());
});

t.test('offers are made anew only when there is another catalogue', async t => {
  let current: Catalogue | undefined;
  let clashes = 0;
  const { services, keys, entry, systemCAs } = offers(undefined);
  const config = { server: {}, proxy: { services, keys, entry, systemCAs } } as unknown as AgentConfig;
  const live = liveOffers(
    config,
    () => current,
    () => clashes++,
  );
  t.equal(live(), live());
  current = catalogue({ services: [{ ...service, name: 'web1' }] });
  t.equal(live(), live());
  t.equal(clashes, 1);
  current = undefined;
  t.same([...live().services.keys()], ['web1']);
});
