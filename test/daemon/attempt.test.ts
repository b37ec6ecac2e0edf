import t from 'tap';
import { makeAttempt } from '../../src/daemon/attempt.ts';
import type { AttemptMessage } from '../../src/protocol/messages.ts';

const login: AttemptMessage = {
  kind: 'attempt',
  version: '1',
  door: 'login',
  service: 'sshd',
  account: 'alice',
  interactive: true,
};
const pam: AttemptMessage = { ...login, door: 'pam' };

t.test('who is known to have proved a first factor', async t => {
  const table: [string, AttemptMessage, boolean][] = [
    ['sshd ran the forced command', login, true],
    ['the account phase comes after authentication', { ...pam, phase: 'account' }, true],
    ['the auth phase says nothing by itself', pam, false],
    ['… nor when it is named', { ...pam, phase: 'auth' }, false],
    ['the door says which', { ...pam, first: 'publickey' }, true],
    ['the door says that none was', { ...pam, first: 'none', authinfo: 'publickey x y\n' }, false],
    ['sshd says which', { ...pam, authinfo: 'publickey ssh-ed25519 AAAA\n' }, true],
    ['sshd says that none was', { ...pam, authinfo: '' }, false],
    ['somebody on this host asks for themselves', { ...pam, service: 'sudo', ruser: 'alice' }, true],
    ['somebody on this host asks for another', { ...pam, service: 'su', ruser: 'mallory' }, false],
    ['somebody elsewhere says that they are the same', { ...pam, ruser: 'alice', rhost: '192.0.2.1' }, false],
  ];
  for (const [what, message, proved] of table) {
    const attempt = makeAttempt(message, 'ID');
    t.equal(typeof attempt === 'string' ? attempt : attempt.firstFactorProved, proved, what);
  }
});

t.test("the client's address is sshd's own, else PAM's, and a number or unknown", async t => {
  const table: [Partial<AttemptMessage>, string | undefined][] = [
    [{}, undefined],
    [{ rhost: '192.0.2.1' }, '192.0.2.1'],
    [{ rhost: '::ffff:192.0.2.1' }, '192.0.2.1'],
    [{ rhost: 'host.example.com' }, undefined],
    [{ rhost: 'host.example.com', connection: '192.0.2.7 50000 192.0.2.2 22' }, '192.0.2.7'],
    [{ rhost: '192.0.2.1', connection: 'UNKNOWN 1 UNKNOWN 2' }, '192.0.2.1'],
    [{ connection: '2001:db8::1 1 2001:db8::2 22' }, '2001:db8::1'],
  ];
  for (const [facts, address] of table) {
    const attempt = makeAttempt({ ...pam, ...facts }, 'ID');
    t.equal(typeof attempt === 'string' ? attempt : attempt.clientAddress, address, JSON.stringify(facts));
  }
});

t.test('what makes no sense is no attempt', async t => {
  for (const wrong of [
    { version: '2' },
    { door: 'proxy' },
    { door: 'window' },
    { service: 'a b' },
    { service: '' },
    { key: 'MD5:00' },
    { phase: 'session' },
    { style: 'duo' },
  ])
    t.type(makeAttempt({ ...pam, ...wrong }, 'ID'), 'string', JSON.stringify(wrong));
});
