import t from 'tap';
import { makeAttempt } from '../../src/daemon/attempt.ts';
import { attemptFrom, type Circumstances } from '../../src/pam/facts.ts';
import type { PamItems } from '../../src/pam/items.ts';
import { decodeDoorMessage, encodeDoorMessage, overlongFact } from '../../src/protocol/codec.ts';
import type { AttemptMessage } from '../../src/protocol/messages.ts';

const underSshd: PamItems = {
  type: 'auth',
  service: 'sshd',
  user: 'alice',
  tty: 'ssh',
  rhost: 'client.example.com',
  ruser: undefined,
  connection: '192.0.2.7 50022 192.0.2.1 22',
  authInfo: 'publickey ssh-ed25519 AAAA\n',
};
const none = { connection: undefined, authInfo: undefined, rhost: undefined, tty: undefined };
const auth: Circumstances = { phase: 'auth', afterPassword: false, entersRoot: false, program: 'sshd: alice [pam]' };

t.test('a login through sshd is described by what sshd says', async t => {
  t.strictSame(attemptFrom(underSshd, auth), {
    kind: 'attempt',
    version: '1',
    door: 'pam-exec',
    service: 'sshd',
    account: 'alice',
    phase: 'auth',
    rhost: 'client.example.com',
    connection: '192.0.2.7 50022 192.0.2.1 22',
    authinfo: 'publickey ssh-ed25519 AAAA\n',
    interactive: true,
    once: true,
  });
});

t.test('in the account phase nobody can be asked', async t => {
  t.match(attemptFrom(underSshd, { ...auth, phase: 'account' }), { phase: 'account', interactive: false });
});

t.test('a first factor is claimed only where the administrator says so', async t => {
  const proved = (items: Partial<PamItems>, circumstances: Partial<Circumstances> = {}) => {
    const made = makeAttempt(heard({ ...underSshd, ...items }, { ...auth, ...circumstances }), 'id', 0);
    return typeof made === 'string' ? made : made.firstFactorProved;
  };
  t.equal(proved({}), true, 'sshd says: publickey');
  t.equal(proved({ authInfo: undefined }), false);
  t.equal(proved({ authInfo: undefined }, { afterPassword: true }), true);
  t.equal(proved({ authInfo: undefined }, { phase: 'account' }), true, 'the auth phase is over');
  t.equal(proved({ ...none, service: 'sudo', ruser: 'alice' }), true, 'who asks for themselves is here already');
  t.equal(proved({ ...none, service: 'sudo', ruser: 'mallory' }), false);
});

t.test('su to root is proved by its caller, and by nobody else', async t => {
  const su = { ...underSshd, ...none, service: 'su', user: 'root', tty: 'pts/3' };
  const toRoot = { ...auth, entersRoot: true, program: 'su - root' };
  t.match(attemptFrom({ ...su, ruser: 'alice' }, toRoot), {
    account: 'alice',
    ruser: 'alice',
    tty: 'pts/3',
    command: 'as root: su - root',
  });
  t.equal(attemptFrom(su, toRoot), undefined, 'who calls is not known');
});

t.test('su to somebody else is proved by them', async t => {
  const su = { ...underSshd, ...none, service: 'su-l', user: 'bob', ruser: 'alice' };
  t.match(attemptFrom(su, { ...auth, program: 'su - bob' }), { account: 'bob', ruser: 'alice', command: 'su - bob' });
});

t.test('what sudo is to run is told, cleaned and bounded; of other programs nothing is told', async t => {
  const sudo = { ...underSshd, ...none, service: 'sudo', ruser: 'alice' };
  t.equal(attemptFrom(sudo, { ...auth, program: 'sudo rm -rf /\u001b[2J' })?.command, 'sudo rm -rf /?[2J');
  t.equal(attemptFrom(sudo, { ...auth, program: 'x'.repeat(100_000) })?.command?.length, 1024);
  t.equal(attemptFrom(sudo, { ...auth, program: undefined })?.command, undefined);
  t.equal(attemptFrom(underSshd, auth)?.command, undefined);
});

t.test('a list of methods that is too long is left out, and proves nothing', async t => {
  const attempt = attemptFrom({ ...underSshd, authInfo: `publickey ssh-rsa ${'A'.repeat(5000)}` }, auth);
  t.equal(attempt?.authinfo, undefined);
  t.equal(attempt === undefined ? 'none' : overlongFact(attempt), undefined);
});

/** What the daemon gets of it. */
function heard(items: PamItems, circumstances: Circumstances): AttemptMessage {
  const attempt = attemptFrom(items, circumstances);
  const message = attempt && decodeDoorMessage(encodeDoorMessage(attempt).trimEnd());
  if (message?.kind !== 'attempt') throw new Error('not an attempt');
  return message;
}
