import t from 'tap';
import { type Entrance, enter } from '../../src/login/enter.ts';
import type { DecisionMessage } from '../../src/protocol/messages.ts';
import type { Reply } from '../../src/relay/ask-daemon.ts';
import type { RecordChannel } from '../../src/relay/record-channel.ts';

const allowed: DecisionMessage = {
  kind: 'decision',
  verdict: 'allow',
  reason: 'totp',
  id: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  text: '',
  exit: 0,
  pam: 'PAM_SUCCESS',
  motd: false,
  record: false,
  sftp: '',
};
const denied: DecisionMessage = {
  ...allowed,
  verdict: 'deny',
  reason: 'wrong-code',
  text: 'Wrong code. [01ARZ3NDEKTSV4RRFFQ69G5FAV]',
  exit: 77,
  pam: 'PAM_MAXTRIES',
};

/** What happened, in order; `session` among it is the one thing that gives anything away. */
async function entered(
  reply: Reply,
  abort?: 'cancelled' | 'disconnected',
): Promise<{ status: number; happened: string[] }> {
  const happened: string[] = [];
  const controller = new AbortController();
  const entrance: Entrance = {
    interrupted: controller.signal,
    ask: async signal => {
      t.equal(signal, controller.signal, 'what ends the login ends the question to the daemon');
      if (abort !== undefined) controller.abort(abort);
      return reply;
    },
    say: line => happened.push(`say ${line}`),
    close: async () => {
      await new Promise(setImmediate); // the terminal is put back in its own time
      happened.push('close');
    },
    session: async (decision, recording) => {
      happened.push(`session ${decision.verdict}${recording === undefined ? '' : ' recorded'}`);
      return 5;
    },
  };
  return { status: await enter(entrance), happened };
}

t.test('allow and bypass start the session, after everything else is closed', async t => {
  t.strictSame(await entered({ kind: 'decided', decision: allowed }), {
    status: 5,
    happened: ['close', 'session allow'],
  });
  t.strictSame(await entered({ kind: 'decided', decision: { ...allowed, verdict: 'bypass', reason: 'grace' } }), {
    status: 5,
    happened: ['close', 'session bypass'],
  });
});

t.test('a warning comes before the session', async t => {
  const decision: DecisionMessage = { ...allowed, verdict: 'bypass', reason: 'fail-safe', text: 'WARNING: …' };
  t.strictSame((await entered({ kind: 'decided', decision })).happened, ['close', 'say WARNING: …', 'session bypass']);
});

t.test('the channel of a recording goes to the session', async t => {
  const recording: RecordChannel = { write: async () => {}, close: () => {} };
  const reply: Reply = { kind: 'decided', decision: { ...allowed, record: true }, recording };
  t.strictSame((await entered(reply)).happened, ['close', 'session allow recorded']);
});

t.test('a denial says why and ends with its status', async t => {
  t.strictSame(await entered({ kind: 'decided', decision: denied }), {
    status: 77,
    happened: ['close', 'say Wrong code. [01ARZ3NDEKTSV4RRFFQ69G5FAV]'],
  });
});

t.test('a daemon that does not answer lets nobody in', async t => {
  const { status, happened } = await entered({ kind: 'unavailable', detail: 'connect ENOENT /run/x' });
  t.equal(status, 69);
  t.strictSame(
    happened.map(line => line.split(' ')[0]),
    ['close', 'say'],
  );
});

t.test('an approval that comes as the client goes is not used', async t => {
  for (const cause of ['cancelled', 'disconnected'] as const)
    t.strictSame(await entered({ kind: 'decided', decision: allowed }, cause), { status: 130, happened: ['close'] });
});

t.test('a denial never ends with the status of a success', async t => {
  for (const exit of [0, -1, 256, 1.5, Number.NaN])
    t.equal((await entered({ kind: 'decided', decision: { ...denied, exit } })).status, 77);
});

t.test('a verdict that is none of the three denies', async t => {
  for (const verdict of ['Allow', 'allowed', '', 'true', '__proto__']) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the types forbid is what is tried here
    const decision = { ...allowed, verdict: verdict as 'allow' };
    const { status, happened } = await entered({ kind: 'decided', decision });
    t.equal(status, 77, JSON.stringify(verdict));
    t.notOk(happened.some(line => line.startsWith('session')));
  }
});

t.test('a denial of which nothing is said is explained all the same', async t => {
  const { happened } = await entered({ kind: 'decided', decision: { ...denied, text: '' } });
  t.match(happened[1], /^say .*administrator/);
});

t.test('a denial ends with the status that the daemon gives it', async t => {
  for (const exit of [1, 69, 75, 78, 130, 255])
    t.equal((await entered({ kind: 'decided', decision: { ...denied, exit } })).status, exit);
});
