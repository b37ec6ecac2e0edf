import t from 'tap';
import {
  decodeDaemonMessage,
  decodeDoorMessage,
  encodeDaemonMessage,
  encodeDoorMessage,
  overlongFact,
} from '../../src/protocol/codec.ts';
import { maxLineBytes } from '../../src/protocol/line.ts';
import {
  type AttemptMessage,
  type DecisionMessage,
  maxAnswer,
  maxFact,
  maxRecordChunk,
  maxText,
} from '../../src/protocol/messages.ts';

/** Every byte of it is percent-encoded, and a cut in bytes falls within a character. */
const worst = '€';

const attempt: AttemptMessage = {
  kind: 'attempt',
  version: '1',
  door: 'login',
  service: 'sshd',
  account: 'alice',
  interactive: true,
};

t.test('the longest message of each kind still is a line', async t => {
  const longest: AttemptMessage = {
    kind: 'attempt',
    version: '\n'.repeat(16),
    door: '\n'.repeat(16),
    service: '\n'.repeat(64),
    account: '\n'.repeat(256),
    rhost: '\n'.repeat(256),
    tty: '\n'.repeat(128),
    command: worst.repeat(maxFact),
    key: '\n'.repeat(128),
    first: '\n'.repeat(64),
    interactive: true,
  };
  const decision: DecisionMessage = {
    kind: 'decision',
    verdict: 'deny',
    reason: '\n'.repeat(64),
    id: '\n'.repeat(64),
    text: worst.repeat(maxText),
    exit: 130,
    pam: 'PAM_ABORT',
    motd: true,
    record: false,
    sftp: '\n'.repeat(maxFact),
  };
  const doorLines = [
    encodeDoorMessage(longest),
    encodeDoorMessage({ kind: 'answer', id: 999_999, text: worst.repeat(maxAnswer) }),
    encodeDoorMessage({ kind: 'record', line: '\n'.repeat(maxRecordChunk) }),
  ];
  const daemonLines = [
    encodeDaemonMessage(decision),
    encodeDaemonMessage({ kind: 'prompt', id: 999_999, echo: true, text: worst.repeat(maxText) }),
    encodeDaemonMessage({ kind: 'info', text: worst.repeat(maxText) }),
  ];
  for (const line of doorLines) {
    t.ok(line.length <= maxLineBytes);
    t.ok(decodeDoorMessage(line.slice(0, -1)), 'and is understood');
  }
  for (const line of daemonLines) {
    t.ok(line.length <= maxLineBytes);
    t.ok(decodeDaemonMessage(line.slice(0, -1)), 'and is understood');
  }
});

t.test('a command that is too long is cut between characters', async t => {
  const sent = decodeDoorMessage(encodeDoorMessage({ ...attempt, command: worst.repeat(1000) }).slice(0, -1));
  t.equal(sent?.kind === 'attempt' && sent.command, worst.repeat(341), '1023 of 1024 bytes');
});

t.test('a megabyte as an answer is cut, not refused: it is no code either way', async t => {
  const sent = decodeDoorMessage(
    encodeDoorMessage({ kind: 'answer', id: 1, text: '1'.repeat(1_000_000) }).slice(0, -1),
  );
  t.equal(sent?.kind === 'answer' && sent.text.length, maxAnswer);
});

t.test('any other fact that is too long is named, and never sent', async t => {
  const long = { ...attempt, account: 'a'.repeat(257) };
  t.equal(overlongFact(long), 'account');
  t.throws(() => encodeDoorMessage(long), RangeError);
  t.equal(overlongFact({ ...attempt, command: 'a'.repeat(5000) }), undefined);
});

t.test('an absent fact stays absent', async t => {
  t.same(decodeDoorMessage(encodeDoorMessage(attempt).slice(0, -1)), attempt);
});

t.test("sshd's account of the methods passed is sent whole, or left out where the line would be too long", async t => {
  const key = `publickey ssh-rsa ${'A'.repeat(3000)}\n`;
  const whole = encodeDoorMessage({ ...attempt, authinfo: key });
  t.match(decodeDoorMessage(whole.slice(0, -1)), { authinfo: key });
  const strange = encodeDoorMessage({ ...attempt, account: worst.repeat(85), authinfo: worst.repeat(1365) });
  t.ok(strange.length <= maxLineBytes);
  const sent = decodeDoorMessage(strange.slice(0, -1));
  t.match(sent, { account: worst.repeat(85) });
  t.equal(sent?.kind === 'attempt' && sent.authinfo, undefined);
});
