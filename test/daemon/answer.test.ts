import t from 'tap';
import { answerFor, noSession } from '../../src/daemon/answer.ts';
import { type BypassRule, deny } from '../../src/policy/decision.ts';
import { decodeDaemonMessage, encodeDaemonMessage } from '../../src/protocol/codec.ts';

const id = '01JD0000000000000000000000';
const session = { motd: true, record: true, sftpServer: '/usr/lib/sftp' };

t.test('whoever comes in by a factor or by the rules hears nothing, and gets what the configuration says', async t => {
  const allowed = { verdict: 'allow', reason: 'push', id, text: '', exit: 0, pam: 'PAM_SUCCESS' };
  t.match(answerFor({ kind: 'allow', factor: 'push' }, id, session), allowed);
  const rules: BypassRule[] = [
    'exempt-user',
    'exempt-group',
    'not-required',
    'grace',
    'proxied',
    'server-passthru',
    'observe',
  ];
  for (const rule of rules)
    t.strictSame(answerFor({ kind: 'bypass', rule }, id, session), {
      kind: 'decision',
      verdict: 'bypass',
      reason: rule,
      id,
      text: '',
      exit: 0,
      pam: 'PAM_SUCCESS',
      motd: true,
      record: true,
      sftp: '/usr/lib/sftp',
    });
});

t.test('whoever comes in because the server is away is told so', async t => {
  for (const rule of ['fail-safe', 'offline-user'] as const)
    t.equal(
      answerFor({ kind: 'bypass', rule }, id, noSession).text,
      `WARNING: the TRASA server is unreachable; this login went through WITHOUT a second factor. [${id}]`,
    );
});

t.test('whoever comes in by a factor of this host is told so, with the id', async t => {
  const entry = { kind: 'allow', factor: 'recovery-code', detail: 'unreachable: x', says: 'WARNING: …' } as const;
  t.match(answerFor(entry, id, session), {
    verdict: 'allow',
    reason: 'recovery-code',
    text: `WARNING: … [${id}]`,
    exit: 0,
  });
});

t.test('where there is no session of ours, none is promised', async t => {
  t.match(answerFor({ kind: 'allow', factor: 'totp' }, id, noSession), { motd: false, record: false, sftp: '' });
  t.match(answerFor(deny('wrong-code'), id, session), { motd: false, record: false, sftp: '' });
});

t.test('a sentence of the server is made fit for a terminal, and leaves room for the id', async t => {
  const answer = answerFor(deny('server-policy', 'x', `\u001b[2J${'漢'.repeat(5000)}`), id, session);
  t.match(answer.text, /^\?\[2J漢+.* \[01JD0000000000000000000000\]$/u);
  t.same(decodeDaemonMessage(encodeDaemonMessage(answer).trimEnd()), answer, 'nothing is cut off on the way');
});
