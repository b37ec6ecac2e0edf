import { createHash } from 'node:crypto';
import t from 'tap';
import { isAccountName, makeAttempt } from '../../src/daemon/attempt.ts';
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
    const attempt = makeAttempt(message, 'ID', 0);
    t.equal(typeof attempt === 'string' ? attempt : attempt.firstFactorProved, proved, what);
  }
});

t.test('where nothing speaks for another factor, ours stands alone', async t => {
  const remote: AttemptMessage = { ...pam, rhost: '192.0.2.1' };
  const table: [string, AttemptMessage, boolean][] = [
    ['somebody elsewhere, and nothing before', remote, true],
    ['as sshd says it', { ...pam, connection: '192.0.2.7 50000 192.0.2.2 22' }, true],
    ['whatever they are called there', { ...pam, rhost: 'UNKNOWN' }, true],
    ['a password was asked for', { ...remote, authtok: true }, false],
    ['none was', { ...remote, authtok: false }, true],
    ['a first factor is proved', { ...remote, first: 'password' }, false],
    ['the account phase', { ...remote, phase: 'account' }, false],
    ['somebody at the console', pam, false],
    ['ForceCommand', { ...login, rhost: '192.0.2.1' }, false],
  ];
  for (const [what, message, alone] of table) t.match(makeAttempt(message, 'ID', 0), { standsAlone: alone }, what);
});

t.test("the client's address is sshd's own, else PAM's, and a number or unknown", async t => {
  const table: [Partial<AttemptMessage>, string | undefined][] = [
    [{}, undefined],
    [{ rhost: '192.0.2.1' }, '192.0.2.1'],
    [{ rhost: '::ffff:192.0.2.1' }, '192.0.2.1'],
    [{ rhost: '::FFFF:192.0.2.1' }, '192.0.2.1'],
    [{ rhost: '2001:db8::ffff:192.0.2.1' }, '2001:db8::ffff:192.0.2.1'],
    [{ rhost: '::ffff:host.example.com' }, undefined],
    [{ rhost: 'host.example.com' }, undefined],
    [{ rhost: 'host.example.com', connection: '192.0.2.7 50000 192.0.2.2 22' }, '192.0.2.7'],
    [{ rhost: '192.0.2.1', connection: 'UNKNOWN 1 UNKNOWN 2' }, '192.0.2.1'],
    [{ connection: '2001:db8::1 1 2001:db8::2 22' }, '2001:db8::1'],
  ];
  for (const [facts, address] of table) {
    const attempt = makeAttempt({ ...pam, ...facts }, 'ID', 0);
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
    { key: `x SHA256:${'a'.repeat(43)}` },
    { key: `SHA256:${'a'.repeat(44)}` },
    { phase: 'session' },
    { style: 'duo' },
  ])
    t.type(makeAttempt({ ...pam, ...wrong }, 'ID', 0), 'string', JSON.stringify(wrong));
});

t.test('the key is what the door says, else what sshd says, else unknown', async t => {
  const said = `SHA256:${'a'.repeat(43)}`;
  const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f';
  const authinfo = `publickey ssh-ed25519 ${key}\n`;
  const verified = `SHA256:${createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64').replace(/=+$/, '')}`;
  const table: [Partial<AttemptMessage>, string | undefined][] = [
    [{ key: said, authinfo }, said],
    [{ authinfo }, verified],
    [{ authinfo: 'password\n' }, undefined],
    [{}, undefined],
  ];
  for (const [facts, fingerprint] of table) {
    const attempt = makeAttempt({ ...pam, ...facts }, 'ID', 0);
    t.equal(typeof attempt === 'string' ? attempt : attempt.keyFingerprint, fingerprint, JSON.stringify(facts));
  }
});

t.test('what is shown and logged is cleaned and bounded, and what was not said is not there', async t => {
  const facts = { tty: `pts\u001b/${'1'.repeat(500)}`, command: `ls\u0007${'x'.repeat(5000)}` };
  const attempt = makeAttempt({ ...login, ...facts }, 'ID', 1001);
  if (typeof attempt === 'string') throw new Error(attempt);
  t.match(attempt.tty, /^pts\?\/1+/);
  t.match(attempt.command, /^ls\?x+/);
  t.ok((attempt.tty ?? '').length <= 128 && (attempt.command ?? '').length <= 1024);
  t.match(makeAttempt({ ...pam, style: 'trasa' }, 'ID', 1001), { inWordsOfTrasa: true });
  const bare = {
    id: 'ID',
    door: 'login',
    askedBy: 1001,
    vouched: false,
    service: 'sshd',
    account: 'alice',
    firstFactorProved: true,
    standsAlone: false,
  };
  t.strictSame(makeAttempt(login, 'ID', 1001), bare);
});

t.test('every door, phase and service name that there is makes sense', async t => {
  for (const right of [
    { door: 'login' },
    { door: 'pam' },
    { door: 'pam-exec' },
    { phase: 'auth' },
    { phase: 'account' },
    { style: 'trasa' },
    { service: 'su-l' },
    { service: 's'.repeat(64) },
  ])
    t.match(makeAttempt({ ...login, ...right }, 'ID', 1001), { id: 'ID' }, JSON.stringify(right));
  t.type(makeAttempt({ ...login, service: 's'.repeat(65) }, 'ID', 1001), 'string');
});

t.test('what cannot be the name of an account is none', async t => {
  for (const name of ['alice', 'a', '_apt', 'alice.b@example.com', 'DOMAIN\\alice', 'jürgen', 'x'.repeat(256), 'a-'])
    t.ok(isAccountName(name), name.slice(0, 20));
  for (const name of ['', '-', '-n', 'a b', 'a/b', 'a:b', 'a\tb', 'a\n', '\u001b', '\u202ea', 'x'.repeat(257)])
    t.notOk(isAccountName(name), JSON.stringify(name.slice(0, 20)));
});

t.test("what root says is vouched for; a user's own word is not, whatever door they name", async t => {
  t.match(makeAttempt(pam, 'ID', 0), { askedBy: 0, vouched: true });
  t.match(makeAttempt({ ...pam, first: 'publickey' }, 'ID', 1001), { askedBy: 1001, vouched: false });
});
