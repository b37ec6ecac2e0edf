import t from 'tap';
import { PushDesk, type PushFacts } from '../../../src/server/push/push-desk.ts';
import { FakeTime } from '../test-server.ts';

const words = { account: 'alice', service: 'web1', hostname: '', clientAddress: '', number: '', command: '' };
const facts: PushFacts = { ...words, keyFingerprint: '', door: '', tty: '', attempt: '', askedAt: 0 };
const never = new AbortController().signal;

function desk(maxHeld = 10) {
  const time = new FakeTime();
  return { time, desk: new PushDesk({ holdMs: 60_000, maxHeld }, time.timer) };
}

t.test('a push ends once, in one way', async t => {
  const { time, desk: pushes } = desk();
  const end = pushes.hold('p', ['d'], facts, never);
  const challenge = pushes.pushesFor('d')[0]?.challenge ?? '';
  t.ok(pushes.answer(challenge, 'd', 'refused'));
  t.notOk(pushes.answer(challenge, 'd', 'approved'), 'a second answer in the same tick finds nothing');
  time.advance(60_000);
  t.same(await end, { kind: 'refused', device: 'd' });
  t.equal(pushes.find(challenge), undefined);
});

t.test('a push that expired takes no answer, not even in the same tick', async t => {
  const { time, desk: pushes } = desk();
  const end = pushes.hold('p', ['d'], facts, never);
  const challenge = pushes.pushesFor('d')[0]?.challenge ?? '';
  time.advance(60_000);
  t.notOk(pushes.answer(challenge, 'd', 'approved'));
  t.same(await end, { kind: 'expired' });
});

t.test('a push is not begun for a host that is gone already, nor after the end', async t => {
  const { desk: pushes } = desk();
  t.same(await pushes.hold('p', ['d'], facts, AbortSignal.abort()), { kind: 'cancelled' });
  pushes.close();
  t.same(await pushes.hold('p', ['d'], facts, never), { kind: 'cancelled' });
});

t.test('idle means that no push waits', async t => {
  const { time, desk: pushes } = desk();
  await pushes.idle();
  const ends = ['p', 'q'].map(person => pushes.hold(person, ['d'], facts, never));
  let isIdle = false;
  const idle = pushes.idle().then(() => (isIdle = true));
  pushes.answer(pushes.pushesFor('d')[0]?.challenge ?? '', 'd', 'approved');
  await ends[0];
  t.notOk(isIdle, 'one is left');
  time.advance(60_000);
  await idle;
  t.same(await Promise.all(ends), [{ kind: 'approved', device: 'd' }, { kind: 'expired' }]);
});

t.test('every challenge is another', async t => {
  const { desk: pushes } = desk();
  const ends = ['p', 'q'].map(person => pushes.hold(person, ['d'], facts, never));
  const [one, other] = pushes.pushesFor('d');
  t.not(one?.challenge, other?.challenge);
  pushes.close();
  t.same(await Promise.all(ends), [{ kind: 'cancelled' }, { kind: 'cancelled' }]);
});

t.test('a device sees the pushes of its person only', async t => {
  const { desk: pushes } = desk();
  const ends = [pushes.hold('p', ['d', 'e'], facts, never), pushes.hold('q', ['f'], facts, never)];
  t.same(
    ['d', 'e', 'f', 'g'].map(device => pushes.pushesFor(device).length),
    [1, 1, 1, 0],
  );
  pushes.close();
  await Promise.all(ends);
});

t.test('a change is told when a push comes and when it goes, and to its devices only', async t => {
  const { desk: pushes } = desk();
  const gone = new AbortController();
  let isTold = false;
  const other = pushes.change('other', [], gone.signal).then(() => (isTold = true));
  const coming = pushes.change('d', [], never);
  const end = pushes.hold('p', ['d'], facts, never);
  await coming;
  const known = pushes.pushesFor('d').map(({ challenge }) => challenge);
  const going = pushes.change('d', known, never);
  pushes.answer(known[0] ?? '', 'd', 'approved');
  await going;
  t.same(await end, { kind: 'approved', device: 'd' });
  t.notOk(isTold);
  gone.abort();
  t.ok(await other);
});
