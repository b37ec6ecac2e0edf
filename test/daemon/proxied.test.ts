/** What a certificate of the access proxy has to be, in order that a host asks for no second factor. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { AttemptMessage } from '../../src/protocol/messages.ts';
import { optionValue } from '../../src/ssh/cert-options.ts';
import type { CertificateFields } from '../../src/ssh/certificate.ts';
import { keyLine } from '../../src/ssh/key-line.ts';
import { keyIdOf } from '../../src/ssh/proxied-login.ts';
import { FakeVerifier } from '../helpers/fake-ports.ts';
import { SilentConversation } from '../helpers/scripted-conversation.ts';
import { certify, newCa, newPair, type TestCa } from '../ssh/authority.ts';
import { alice, runningDaemon } from './running-daemon.ts';

const proxy = newCa();
const address = '192.0.2.1';
const connection = { person: 'alice@example.com', host: '2001:db8::7', attempt: '01J00000000000000000000000' };
const good = {
  key: newPair().key,
  keyId: keyIdOf(connection),
  validAfter: BigInt(Math.floor(Date.now() / 1000) - 60),
  validBefore: BigInt(Math.floor(Date.now() / 1000) + 600),
  criticalOptions: new Map([['source-address', optionValue(address)]]),
  extensions: new Map([['second-factor@trasa', optionValue('push')]]),
};
const past = { validAfter: good.validAfter - 3600n, validBefore: good.validAfter };
const behindPam: Partial<AttemptMessage> = { door: 'pam', phase: 'auth', connection: `${address} 4 192.0.2.9 22` };

t.test('one that has all of it', async t => {
  const event = await judged(t, authinfo(good), behindPam);
  t.match(event, { decision: 'bypass', reason: 'proxied', person: 'alice@example.com', detail: 'push, certificate 7' });
});

t.test('after another method, and by pam_exec', async t => {
  t.match(await judged(t, `password\n${authinfo(good)}`, behindPam), { reason: 'proxied' });
  t.match(await judged(t, authinfo(good), { ...behindPam, door: 'pam-exec' }), { reason: 'proxied' });
});

for (const [what, text] of [
  ['of another CA', authinfo(good, newCa())],
  ['that expired', authinfo({ ...good, ...past })],
  ['that is for another account', authinfo({ ...good, principals: ['bob'] })],
  ['that is for no account', authinfo({ ...good, principals: [] })],
  [
    'that is for another address',
    authinfo({ ...good, criticalOptions: new Map([['source-address', optionValue('10.0.0.0/8')]]) }),
  ],
  [
    'with an option that is for others to see to',
    authinfo({ ...good, criticalOptions: new Map([['force-command', optionValue('id')]]) }),
  ],
  ['that says nothing of a second factor', authinfo({ ...good, extensions: new Map() })],
  [
    'that says so in a form that is none',
    authinfo({ ...good, extensions: new Map([['second-factor@trasa', Buffer.from('push')]]) }),
  ],
  [
    'by a factor that nobody knows',
    authinfo({ ...good, extensions: new Map([['second-factor@trasa', optionValue('luck')]]) }),
  ],
  ['of a host', authinfo({ ...good, type: 'host' })],
  ['whose key id names no person', authinfo({ ...good, keyId: 'alice@example.com' })],
  ['of which a byte is another', authinfo(good).replace(/.(?==*\n$)/, character => (character === 'A' ? 'Q' : 'A'))],
  ['that is cut short', authinfo(good).slice(0, -40)],
  ['in the words of another method', authinfo(good).replace('publickey', 'hostbased')],
] as const)
  t.test(`one ${what} proves nothing`, async t => {
    t.match(await judged(t, text, behindPam), { decision: 'deny' });
  });

t.test('nobody but sshd, through PAM, is believed', async t => {
  const { ask, events } = await runningDaemon(t, { peer: () => alice, verifier: refusing(), config: trusting });
  await ask(new SilentConversation(), { ...behindPam, authinfo: authinfo(good) });
  t.match(events, [{ decision: 'deny' }], 'a user who says that they are PAM');
  t.match(
    await judged(t, authinfo(good), { ...behindPam, door: 'login' }),
    { decision: 'deny' },
    "root's ForceCommand",
  );
});

t.test('an address that is not known is not the one', async t => {
  t.match(await judged(t, authinfo(good), { ...behindPam, connection: 'UNKNOWN 4 UNKNOWN 22', rhost: 'UNKNOWN' }), {
    decision: 'deny',
  });
});

t.test('a list of revoked ones that is not there', async t => {
  const file = join(t.testdir(), 'none');
  const { log, events, ask } = await runningDaemon(t, {
    verifier: refusing(),
    config: config => ({
      ...config,
      daemon: { ...config.daemon, proxyTrust: { caKeys: [proxy.publicKey], revokedKeys: file } },
    }),
  });
  await ask(new SilentConversation(), { ...behindPam, authinfo: authinfo(good) });
  t.match(events, [{ decision: 'deny' }]);
  const why = new RegExp(`^revokedKeys ${file}`);
  t.match(
    log.find(line => line.level === 'warning'),
    { text: 'certificates of the access proxy do not count', why },
  );
});

/** As sshd says it. */
function authinfo(fields: Partial<CertificateFields> & Pick<CertificateFields, 'key'>, ca: TestCa = proxy): string {
  return `publickey ${keyLine('ssh-ed25519-cert-v01@openssh.com', certify(ca, fields))}\n`;
}

async function judged(t: Test, text: string, message: Partial<AttemptMessage>): Promise<unknown> {
  const { ask, events } = await runningDaemon(t, { verifier: refusing(), config: trusting });
  await ask(new SilentConversation(), { ...message, authinfo: text });
  return events[0];
}

function refusing(): FakeVerifier {
  return new FakeVerifier({ kind: 'invalid' });
}

function trusting<C extends { daemon: object }>(config: C): C {
  return { ...config, daemon: { ...config.daemon, proxyTrust: { caKeys: [proxy.publicKey], revokedKeys: '' } } };
}
