import t from 'tap';
import { SocketConversation } from '../../src/daemon/socket-conversation.ts';
import { decodeDaemonMessage, encodeDaemonMessage } from '../../src/protocol/codec.ts';
import type { DaemonMessage } from '../../src/protocol/messages.ts';

function conversation(can: { interactive: boolean; withdraw?: boolean } = { interactive: true }) {
  const sent: DaemonMessage[] = [];
  return { sent, talk: new SocketConversation(can, message => void sent.push(message)) };
}

t.test('a question goes out with its echo, and its answer comes back', async t => {
  const { talk, sent } = conversation();
  const first = talk.promptEchoOn('Code: ');
  talk.receive({ kind: 'answer', id: 1, text: '123456' });
  const answer = await first;
  t.equal(answer.kind === 'answer' && answer.text.expose(), '123456');
  const second = talk.promptEchoOff('Password: ');
  talk.receive({ kind: 'unable', id: 2 });
  t.same(await second, { kind: 'unable' });
  t.same(sent, [
    { kind: 'prompt', id: 1, echo: true, text: 'Code: ' },
    { kind: 'prompt', id: 2, echo: false, text: 'Password: ' },
  ]);
});

t.test('only an answer to the open question counts', async t => {
  const { talk } = conversation();
  talk.receive({ kind: 'answer', id: 1, text: 'before it was asked' });
  const first = talk.promptEchoOn('one');
  talk.receive({ kind: 'unable', id: 1 });
  t.same(await first, { kind: 'unable' });
  const second = talk.promptEchoOn('two');
  talk.receive({ kind: 'answer', id: 1, text: 'late' });
  talk.receive({ kind: 'unable', id: 1 });
  talk.receive({ kind: 'cancel' });
  talk.receive({ kind: 'record', line: '{}' });
  talk.receive({ kind: 'answer', id: 2, text: 'in time' });
  talk.receive({ kind: 'answer', id: 2, text: 'once more' });
  const answer = await second;
  t.equal(answer.kind === 'answer' && answer.text.expose(), 'in time');
});

t.test('a question that is taken back is told so, once, and an answer that crosses is dropped', async t => {
  const { talk, sent } = conversation();
  const withdraw = new AbortController();
  const asked = talk.promptEchoOn('Push sent: ', withdraw.signal);
  withdraw.abort();
  talk.receive({ kind: 'answer', id: 1, text: '123456' });
  t.same(await asked, { kind: 'withdrawn' });
  t.same(sent.slice(1), [{ kind: 'withdraw', id: 1 }]);

  const answered = new AbortController();
  const next = talk.promptEchoOn('Code: ', answered.signal);
  talk.receive({ kind: 'answer', id: 2, text: '123456' });
  await next;
  answered.abort();
  t.equal(sent.length, 3, 'what was answered is not taken back');
});

t.test('a question that nobody wants any more is not asked', async t => {
  const { talk, sent } = conversation();
  t.same(await talk.promptEchoOn('Code: ', AbortSignal.abort()), { kind: 'withdrawn' });
  t.same(sent, []);
});

t.test('when the door is gone, whoever waits for an answer waits no longer', async t => {
  const { talk } = conversation();
  talk.end(); // nobody waits
  const asked = talk.promptEchoOn('Code: ');
  talk.end();
  t.same(await asked, { kind: 'cancelled' });
});

t.test('where nobody can be asked, nothing is asked', async t => {
  const { talk, sent } = conversation({ interactive: false });
  t.equal(talk.interactive, false);
  t.same(await talk.promptEchoOn('Code: '), { kind: 'unable' });
  t.same(await talk.promptEchoOff('Code: '), { kind: 'unable' });
  talk.textInfo('Push sent.');
  t.same(sent, [{ kind: 'info', text: 'Push sent.' }]);
});

t.test('questions can be taken back unless the door says that they cannot', async t => {
  for (const [withdraw, expected] of [
    [undefined, true],
    [true, true],
    [false, false],
  ] as const) {
    const can = { interactive: true, ...(withdraw !== undefined && { withdraw }) };
    t.equal(conversation(can).talk.canWithdraw, expected, String(withdraw));
  }
});

t.test('a door may have one answer only', async t => {
  for (const once of [undefined, false, true]) {
    const can = { interactive: true, ...(once !== undefined && { once }) };
    t.equal(conversation(can).talk.answersOnce, once === true, String(once));
  }
});

t.test('every text is made fit for a terminal and arrives whole, a prompt with the blank at its end', async t => {
  const { talk, sent } = conversation();
  const foreign = `\u001b[2J${'𝄞'.repeat(5000)} `;
  talk.textInfo(foreign);
  talk.errorMsg(foreign);
  void talk.promptEchoOn(foreign);
  void talk.promptEchoOn('no blank');
  void talk.promptEchoOn(`${'𝄞'.repeat(5000)} `);
  for (const message of sent) t.same(decodeDaemonMessage(encodeDaemonMessage(message).trimEnd()), message);
  const texts = sent.map(message => ('text' in message ? message.text : ''));
  t.same(
    sent.map(({ kind }) => kind),
    ['info', 'error', 'prompt', 'prompt', 'prompt'],
  );
  for (const text of texts) t.notMatch(text, /\p{Cc}/u);
  t.notMatch(texts[1], / $/);
  t.match(texts[2], / $/);
  t.equal(texts[3], 'no blank');
});
