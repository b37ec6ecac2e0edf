import t from 'tap';
import type { Answer, Conversation } from '../../src/auth/conversation.ts';
import { Secret } from '../../src/otp/secret.ts';
import type { DoorMessage } from '../../src/protocol/messages.ts';
import { Questions } from '../../src/relay/questions.ts';

type Ask = (text: string, withdraw: AbortSignal | undefined) => Promise<Answer>;

function asking(shown: Ask, hidden: Ask = shown) {
  const sent: DoorMessage[] = [];
  const conversation: Conversation = {
    interactive: true,
    canWithdraw: true,
    answersOnce: false,
    promptEchoOn: async (text, withdraw) => await shown(text, withdraw),
    promptEchoOff: async (text, withdraw) => await hidden(text, withdraw),
    textInfo() {},
    errorMsg() {},
  };
  return { sent, questions: new Questions(conversation, message => void sent.push(message)) };
}

const answer = (text: string): Answer => ({ kind: 'answer', text: new Secret(text) });

t.test('what may be shown is asked with echo, and what may not without', async t => {
  const { questions, sent } = asking(
    async () => answer('shown'),
    async () => answer('hidden'),
  );
  questions.ask({ kind: 'prompt', id: 1, echo: true, text: 'Code: ' });
  questions.ask({ kind: 'prompt', id: 2, echo: false, text: 'Code: ' });
  while (sent.length < 2) await new Promise(setImmediate);
  t.same(sent, [
    { kind: 'answer', id: 1, text: 'shown' },
    { kind: 'answer', id: 2, text: 'hidden' },
  ]);
});

t.test('the next question waits until the one before is off the terminal, and so does the end', async t => {
  let open = 0;
  const seen: number[] = [];
  const { questions, sent } = asking(async (_text, withdraw) => {
    seen.push(++open);
    if (withdraw?.aborted === false)
      await new Promise(resolve => withdraw.addEventListener('abort', resolve, { once: true }));
    for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate); // the terminal is put back
    open--;
    return { kind: 'withdrawn' };
  });
  questions.ask({ kind: 'prompt', id: 1, echo: true, text: 'one' });
  await new Promise(setImmediate);
  questions.withdraw();
  questions.ask({ kind: 'prompt', id: 2, echo: true, text: 'two' });
  while (seen.length < 2) await new Promise(setImmediate);
  await questions.stop();
  t.same(seen, [1, 1]);
  t.equal(open, 0);
  t.same(sent, [], 'a question that was taken back is not answered');
});

t.test('a conversation that breaks is one that nobody can be asked on', async t => {
  const { questions, sent } = asking(async () => {
    throw new Error('EIO');
  });
  questions.ask({ kind: 'prompt', id: 1, echo: true, text: 'Code: ' });
  await questions.stop();
  questions.ask({ kind: 'prompt', id: 2, echo: true, text: 'Code: ' });
  while (sent.length === 0) await new Promise(setImmediate);
  t.same(sent, [{ kind: 'unable', id: 2 }], 'the first was taken back before it was asked');
});
