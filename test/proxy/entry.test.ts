/** Policy at the proxy: who gets in, what is asked of them, what they hear who do not; and the service question. */
import t from 'tap';
import { MemoryError } from '../../src/auth/ports.ts';
import type { EntryRule } from '../../src/policy/entry-rules.ts';
import { usualTerms } from '../../src/policy/session-terms.ts';
import { byte, string, WireReader } from '../../src/ssh/wire.ts';
import { Approvals } from '../../src/store/approvals.ts';
import { until } from '../helpers/e2e/until.ts';
import { entryRule } from '../helpers/entry-rule.ts';
import { service as listed, message, policy } from './catalogue.ts';
import { type InProcess, inProcess } from './in-process.ts';
import { infoResponse, keyboardInteractive, type RawPeer, rawStranger, signedRequest } from './raw-peer.ts';

const entry = (rule: Partial<EntryRule>) => ({ entry: { groups: new Map(), rules: [{ ...entryRule, ...rule }] } });

t.test('terms that do not hold: in the words of TRASA, in the log, and no phone rings', async t => {
  for (const [rule, says, detail] of [
    [{ lastDay: '2020-01-01' }, /^Policy check failed: POLICY_EXPIRED\. /, 'policy everybody'],
    [{ networks: '192.0.2.0/24' }, /^Policy check failed: IP_POLICY_FAILED\. /, 'policy everybody'],
    [{ hours: { spans: [] } }, /^Policy check failed: TIME_POLICY_FAILED\. /, 'policy everybody'],
    [{ people: ['bob@example.com'] }, /^Policy not assigned: /, 'no policy is for this person, service and account'],
  ] as const) {
    const proxy = await inProcess(t, { proxy: entry(rule) });
    const peer = await asAlice(proxy, 'alice@web1');
    const { instruction } = await heard(peer);
    t.match(instruction, says);
    t.match(instruction, / \[\w{26}\]$/);
    t.match(decision(proxy), {
      decision: 'deny',
      reason: 'proxy-policy',
      detail,
      client: '127.0.0.1',
      target: 'web1',
      key: /^SHA256:/,
    });
    t.strictSame([proxy.verifier.asked, proxy.host.peers], [[], []]);
  }
});

t.test('networks of a policy let in whoever comes from them', async t => {
  const proxy = await inProcess(t, { proxy: entry({ networks: '192.0.2.0/24,127.0.0.0/8' }) });
  const peer = await asAlice(proxy, 'alice@web1');
  t.match(await heard(peer), { questions: [/Enter OTP/] });
});

t.test('a policy without a second factor: a key is enough, and the log says by which policy', async t => {
  const grant = { ...entryRule.grant, rule: 'robots', secondFactor: 'not-required' } as const;
  const proxy = await inProcess(t, { proxy: entry({ name: 'robots', grant }) });
  const peer = await rawStranger(proxy.port);
  peer.send(signedRequest(peer.transport.sessionId, 'alice@web1', proxy.alice));
  await peer.next(52);
  t.match(decision(proxy), {
    decision: 'bypass',
    reason: 'proxy-policy',
    detail: 'robots',
    person: 'alice@example.com',
  });
  t.strictSame(proxy.verifier.asked, []);

  const stranger = await rawStranger(proxy.port);
  stranger.send(keyboardInteractive('alice@web1'));
  t.match(
    await heard(stranger),
    { instruction: 'Enter TRASA credentials' },
    'the first factor is asked for all the same',
  );
});

t.test('where there are policies, a password is that of an email address: no second name evades one', async t => {
  const proxy = await inProcess(t, { proxy: entry({}), password: { kind: 'right' } });
  const peer = await rawStranger(proxy.port);
  peer.send(keyboardInteractive('alice@web1'));
  await heard(peer);
  peer.send(infoResponse('alice', 'right'));
  t.match(await heard(peer), { instruction: 'Login Failed' });
  t.strictSame(proxy.passwords, [], 'it goes to no server');
  peer.send(infoResponse());
  await heard(peer);
  peer.send(infoResponse('Alice@Example.com', 'right'));
  t.match(await heard(peer), { instruction: 'Second factor authentication' });
});

t.test('the service question: a name is taken as ever', async t => {
  const proxy = await inProcess(t, { others: ['web10', 'db1'].map(name => ({ name, port: 9 })) });
  const peer = await asAlice(proxy, 'alice');
  const asked = { instruction: 'Choose Service', questions: [`\n\r${'_'.repeat(85)}\n\rEnter Service IP : \n\r`] };
  t.match(await heard(peer), asked);
  peer.send(infoResponse('nowhere'));
  t.match(await heard(peer), { instruction: 'Invalid service name', questions: [] });
  peer.send(infoResponse());
  t.match(await heard(peer), asked);
  peer.send(infoResponse('web1'));
  t.match(await heard(peer), { instruction: '\n\nService selected: web1 \nHostname: 127.0.0.1\n\n', questions: [] });
  peer.send(infoResponse());
  t.match(await heard(peer), { instruction: 'Second factor authentication' });
});

t.test('a client that is far away answers the last text when the host is entered already', async t => {
  const proxy = await inProcess(t);
  const peer = await asAlice(proxy, 'alice');
  for (const answers of [['web1'], [], ['123456']]) {
    await heard(peer);
    peer.send(infoResponse(...answers));
  }
  t.match(await heard(peer), { instruction: 'Checking host key', questions: [] });
  await until('the host', () => proxy.lines.some(line => line['text'] === 'entered a host'));
  peer.send(infoResponse());
  await peer.next(52);
  peer.send(Buffer.concat([byte(80), string('keepalive@openssh.com'), byte(1)]));
  await until('a word of the session', () => proxy.host.peers[0]?.messages.some(one => one[0] === 80));
});

t.test('the service question: lists, numbers and parts of a name, of what is granted alone', async t => {
  const names = Array.from({ length: 30 }, (_, i) => `app${i}`);
  const only = entry({ services: ['app*', 'db1'] });
  const proxy = await inProcess(t, {
    others: [...names, 'db1', 'secret'].map(name => ({ name, port: 9 })),
    proxy: only,
  });
  const choose = async (...answers: string[]): Promise<string> => {
    const peer = await asAlice(proxy, 'alice');
    await heard(peer);
    let said = '';
    for (const answer of answers) {
      peer.send(infoResponse(answer));
      said = (await heard(peer)).instruction;
      if (answer === answers.at(-1)) break;
      peer.send(infoResponse());
      await heard(peer);
    }
    peer.socket.destroy();
    proxy.pass(30_000);
    return said;
  };
  const all = await choose('');
  t.match(all, /^\n\n {3}1 {2}app0\n {3}2 {2}app1\n/);
  t.match(all, / 20 {2}app19\n {6}and 11 more: type a part of the name\n$/);
  t.notMatch(all, /secret|web1/);
  t.match(await choose('', '3'), /selected: app2 /);
  t.match(await choose('APP2', '2'), /selected: app20 /, 'the second of those that were shown');
  t.match(await choose('b1'), /selected: db1 /, 'a part that is of one alone');
  t.match(await choose('2'), /^\n\n {3}1 {2}app2\n {3}2 {2}app12\n/, 'without a list it is a part of a name');
  t.equal(await choose('', '99'), 'Invalid service name');
  for (const hidden of ['secret', 'secre', 'web1', 'web', '127.0.0.1:22', '__proto__'])
    t.equal(await choose(hidden), 'Invalid service name', hidden);
});

t.test('six answers that name no service end it', async t => {
  const proxy = await inProcess(t);
  const peer = await asAlice(proxy, 'alice');
  for (let i = 0; i < 6; i++) {
    t.match(await heard(peer), { instruction: 'Choose Service' });
    peer.send(infoResponse('nowhere'));
    await heard(peer);
    peer.send(infoResponse());
  }
  t.match(await heard(peer), { instruction: 'Login Failed' });
});

const held = { ...entryRule.grant, rule: 'vault', approvalMs: 3_600_000 };

t.test('an entry is held until an administrator approves it, and then as long as the policy says', async t => {
  const proxy = await inProcess(t, { proxy: entry({ name: 'vault', grant: held }) });
  const approvals = openApprovals(proxy);
  const peer = await asAlice(proxy, 'alice@web1');
  const id = await waitsUnder(peer);
  const request = { id, state: 'waiting', person: 'alice@example.com', account: 'alice', target: 'web1' };
  t.match(approvals.list(Date.now()), [{ ...request, client: '127.0.0.1', policy: 'vault' }]);
  t.strictSame(proxy.verifier.asked, []);
  approvals.decide(id, 'approved', 'uid 0', Date.now());
  t.match(await heard(peer), { instruction: 'Second factor authentication' });
  peer.send(infoResponse('123456'));
  await peer.next(52);
  const notes = proxy.lines.filter(line => line['event'] === 'approval');
  t.match(notes, [
    { outcome: 'asked', approval: id, by: null, policy: 'vault' },
    { outcome: 'approved', approval: id, by: 'uid 0', person: 'alice@example.com', target: 'web1' },
  ]);

  const next = await asAlice(proxy, 'alice@web1');
  t.match(await heard(next), { instruction: 'Second factor authentication' }, 'not asked again');
  const other = await asAlice(proxy, 'deploy@web1');
  t.match(await heard(other), { instruction: /^Waiting for the approval/ }, 'but for another account');
  proxy.pass(3_600_001);
  const late = await asAlice(proxy, 'alice@web1');
  t.match(await heard(late), { instruction: /^Waiting for the approval/ }, 'and an hour later');
});

t.test('an entry that is refused: the person hears it, and is not asked about again at once', async t => {
  const proxy = await inProcess(t, { proxy: entry({ name: 'vault', grant: held }) });
  const approvals = openApprovals(proxy);
  const peer = await asAlice(proxy, 'alice@web1');
  const id = await waitsUnder(peer);
  approvals.decide(id, 'refused', 'uid 0', Date.now());
  t.match(await heard(peer), { instruction: /^No administrator has approved this login\. \[\w{26}\]$/ });
  t.match(decision(proxy), { decision: 'deny', reason: 'not-approved', detail: 'an administrator has refused it' });
  const again = await asAlice(proxy, 'alice@web1');
  t.match(await heard(again), { instruction: /^No administrator has approved this login/ });
  t.equal(approvals.list(Date.now()).length, 0);
  t.strictSame(proxy.verifier.asked, []);
});

t.test('whoever gives up waiting, and comes again, waits under the same name; a key alone is not enough', async t => {
  const grant = { ...held, secondFactor: 'not-required' } as const;
  const proxy = await inProcess(t, { proxy: entry({ name: 'vault', grant }) });
  const peer = await asAlice(proxy, 'alice@web1');
  const id = await waitsUnder(peer);
  peer.socket.destroy();
  await until('the end', () => proxy.lines.find(line => line['reason'] === 'not-approved'));
  const again = await asAlice(proxy, 'alice@web1');
  t.equal(await waitsUnder(again), id);
  openApprovals(proxy).decide(id, 'approved', 'uid 0', Date.now());
  await again.next(52);
  const third = await rawStranger(proxy.port);
  third.send(signedRequest(third.transport.sessionId, 'alice@web1', proxy.alice));
  await third.next(52);
  t.match(
    proxy.lines.findLast(line => line['event'] === 'approval'),
    { outcome: 'in force', by: 'uid 0' },
  );
});

t.test('an approval counts no longer than the policy says now, whatever it said then', async t => {
  const proxy = await inProcess(t, { grantFor: () => held });
  const peer = await asAlice(proxy, 'alice@web1');
  openApprovals(proxy).decide(await waitsUnder(peer), 'approved', 'uid 0', Date.now());
  t.match(await heard(peer), { instruction: 'Second factor authentication' });
  await proxy.grant({ ...held, approvalMs: 60_000 });
  t.match(await heard(await asAlice(proxy, 'alice@web1')), { instruction: 'Second factor authentication' });
  proxy.pass(61_000);
  t.match(await heard(await asAlice(proxy, 'alice@web1')), { instruction: /^Waiting for the approval/ });
});

t.test('what no longer holds when an administrator approves lets nobody in', async t => {
  const now = new Date();
  const from = now.getUTCHours() * 60 + now.getUTCMinutes();
  const days = [0, 1, 2, 3, 4, 5, 6];
  const tomorrow = { days, from: 0, until: 5 }; // in the last minute of a day
  const hours = { spans: [{ days, from, until: from + 5 }, ...(from === 24 * 60 - 1 ? [tomorrow] : [])] };
  const grant = { ...held, secondFactor: 'not-required' } as const;
  const proxy = await inProcess(t, { proxy: entry({ name: 'vault', grant, hours }) });
  const peer = await asAlice(proxy, 'alice@web1');
  const id = await waitsUnder(peer);
  proxy.pass(10 * 60_000);
  openApprovals(proxy).decide(id, 'approved', 'uid 0', Date.now() + 10 * 60_000);
  t.match(await heard(peer), { instruction: /^Policy check failed: TIME_POLICY_FAILED\. / });
  t.match(decision(proxy), { decision: 'deny', reason: 'proxy-policy' });
  t.notOk(proxy.lines.some(line => line['event'] === 'session-start'));
});

t.test('a catalogue that has become too old while an administrator was waited for opens nothing', async t => {
  const session = { ...usualTerms(), approvalMs: 3_600_000 };
  const service = { ...listed, name: 'db1', host: '127.0.0.1', port: 9 };
  const granted = message({ services: [service], policies: [{ ...policy, tfa: false, session }] });
  const proxy = await inProcess(t, {
    proxy: { catalogue: true, catalogueMaxAgeMs: 300_000 },
    catalogue: async () => await Promise.resolve({ kind: 'new', revision: 'r1', catalogue: granted }),
  });
  const peer = await asAlice(proxy, 'alice@db1');
  const id = await waitsUnder(peer);
  proxy.pass(360_000);
  openApprovals(proxy).decide(id, 'approved', 'uid 0', Date.now() + 360_000);
  t.match(await heard(peer), { instruction: /^Policy not assigned: / });
  t.match(decision(proxy), { decision: 'deny', reason: 'proxy-policy' });
});

t.test('a memory that fails is named as that, before the second factor as well', async t => {
  const proxy = await inProcess(t, { graceMs: 60_000, password: { kind: 'right' } });
  const fail = (): never => {
    throw new MemoryError('the disk is gone');
  };
  proxy.memory.throttles.get = fail;
  proxy.memory.graces.get = fail;
  for (const peer of [await asAlice(proxy, 'alice@web1'), await rawStranger(proxy.port)]) {
    peer.send(keyboardInteractive('alice@web1'));
    const asked = await heard(peer);
    if (asked.questions.length > 0) peer.send(infoResponse('alice@example.com', 'right'));
    const { instruction } = asked.questions.length > 0 ? await heard(peer) : asked;
    t.match(instruction, /^The agent on this host cannot read or write its state\. Tell your administrator\./);
  }
  t.notOk(proxy.lines.some(line => /internal error/.test(String(line['text']))));
});

function openApprovals({ stateDirectory }: InProcess): Approvals {
  const approvals = new Approvals(stateDirectory);
  t.teardown(() => approvals.close());
  return approvals;
}

/** Alice, whose key is proved, in the dialogue for `user`. */
async function asAlice(proxy: InProcess, user: string): Promise<RawPeer> {
  const peer = await rawStranger(proxy.port);
  peer.send(signedRequest(peer.transport.sessionId, user, proxy.alice));
  await peer.next(51);
  peer.send(keyboardInteractive(user));
  return peer;
}

/** What the proxy shows and asks next. */
async function heard(peer: RawPeer): Promise<{ instruction: string; questions: string[] }> {
  const reader = new WireReader(await peer.next(60));
  reader.byte();
  reader.string();
  const instruction = reader.string().toString('utf8');
  reader.string();
  const questions = Array.from({ length: reader.uint32() }, () => {
    const text = reader.string().toString('utf8');
    reader.boolean();
    return text;
  });
  return { instruction, questions };
}

async function waitsUnder(peer: RawPeer): Promise<string> {
  const { instruction } = await heard(peer);
  peer.send(infoResponse());
  return /^Waiting for the approval of an administrator \[(\w{6})\]$/.exec(instruction)?.[1] ?? instruction;
}

function decision({ lines }: InProcess): Record<string, unknown> | undefined {
  return lines.findLast(line => line['event'] === 'decision');
}
