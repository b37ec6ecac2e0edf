import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { initCaOutside, openAuthority } from '../../src/ca/authority.ts';
import { signHostKey } from '../../src/ca/host-certificate.ts';
import { readHostKey } from '../../src/ca/host-key.ts';
import { answerMessage, answerPurpose, isVouchedFor, reportMessage, reportPurpose } from '../../src/ca/host-report.ts';
import { certificateLine } from '../../src/ca/issue.ts';
import { nodeCrypto } from '../../src/ca/node-crypto.ts';
import { renewalPurpose } from '../../src/ca/renewal.ts';
import { isObject } from '../../src/server/json.ts';
import { signMessage } from '../../src/ssh/sshsig.ts';
import { valueOf } from '../ca/ca.ts';
import { dataOf } from '../server/signed-in.ts';
import { type TestServer, testServer } from '../server/test-server.ts';
import { newPair } from '../ssh/authority.ts';
import { blobIn, folder, makeKey } from '../ssh/openssh.ts';

const trust = `SHA256:${'A'.repeat(43)}`;
const nonce = 'chosen-by-the-host';

interface Host {
  readonly server: TestServer;
  readonly key: string;
}

async function hostOf(t: Test, withUserCa = true): Promise<Host> {
  const server = await testServer(t);
  for (const name of withUserCa ? (['user', 'host'] as const) : (['host'] as const))
    valueOf(await server.state.cas.init(name));
  const { path, key } = makeKey(join(folder(), 'key'));
  const issued = valueOf(
    await server.state.cas.issue(
      'host',
      async issuer => await signHostKey(issuer, key, ['web1'], 86_400, server.time.now()),
    ),
  );
  writeFileSync(`${path}-cert.pub`, certificateLine(key, issued.certificate, ''));
  return { server, key: path };
}

interface Wrong {
  readonly signedWith?: string;
  readonly purpose?: string;
  readonly trusts?: readonly string[];
  readonly said?: readonly string[];
  readonly nonce?: string;
  readonly challenge?: string;
}

async function report({ server, key }: Host, wrong: Wrong = {}): Promise<unknown> {
  const [data] = dataOf((await server.post('/ca/renew/challenge', {})).json);
  const challenge = wrong.challenge ?? (isObject(data) ? String(data['challenge']) : '');
  const certificate = readFileSync(`${key}-cert.pub`, 'utf8');
  const text = {
    certificate: blobIn(`${key}-cert.pub`),
    challenge,
    nonce: wrong.nonce ?? nonce,
    trusts: wrong.trusts ?? [trust],
  };
  const signer = valueOf(readHostKey(wrong.signedWith ?? key));
  const signature = await signMessage(reportMessage(text), wrong.purpose ?? reportPurpose, signer, nodeCrypto);
  const body = {
    ...text,
    certificate,
    trusts: (wrong.said ?? text.trusts).join(' '),
    signature: signature.toString('base64'),
  };
  return (await server.post('/ca/report', body)).json;
}

const refused = (reason: string | RegExp) => ({ status: 'failed', reason, intent: 'report' });

function known({ server }: Host): number {
  const authority = valueOf(openAuthority(join(server.state.directory, 'ca')));
  const { length } = authority.issues.reports();
  authority.close();
  return length;
}

t.test('a host says what it trusts, and is told by the User CA what there is', async t => {
  const host = await hostOf(t);
  const json = await report(host);
  t.match(json, { status: 'success', intent: 'report' });
  const [data] = dataOf(json);
  const told = isObject(data) ? data : {};
  const signature = Buffer.from(String(told['signature']), 'base64');
  const userCas = String(told['userCAs']);
  const trusted = valueOf(host.server.state.cas.publicKeys('user', host.server.time.now()));
  t.match(told['hostCA'], /^SHA256:/);
  t.ok(isVouchedFor({ userCas, signature }, nonce, trusted));
  t.notOk(isVouchedFor({ userCas, signature }, 'of another time', trusted));
  t.notOk(isVouchedFor({ userCas: `${userCas}more`, signature }, nonce, trusted));
  t.notOk(isVouchedFor({ userCas, signature }, nonce, [newPair().key]));
  t.match(host.server.log.at(-1), new RegExp(`"service":"web1","detail":"trusts ${trust}"`));
  t.equal(known(host), 1);
  t.equal(answerMessage('n', 'x').toString(), 'n\nx');
  t.not(answerPurpose, reportPurpose);
});

t.test('without a User CA there is none to be told of', async t => {
  t.match(await report(await hostOf(t, false)), { status: 'success', data: [{ userCAs: '', signature: '' }] });
});

t.test('a User CA whose keeper is not there has nothing to say, and the host is heard', async t => {
  const host = await hostOf(t, false);
  valueOf(initCaOutside(join(host.server.state.directory, 'ca'), 'user', newPair().key, { kind: 'ssh-agent' }));
  t.match(await report(host), { status: 'success', data: [{ userCAs: '', signature: '' }] });
  t.equal(known(host), 1);
});

t.test('it is refused', async t => {
  const host = await hostOf(t);
  const thief = makeKey(join(folder(), 'thief')).path;
  t.match(await report(host, { signedWith: thief }), refused(/did not sign/), 'to whoever has not the key');
  t.match(
    await report(host, { purpose: renewalPurpose }),
    refused(/did not sign/),
    'for what was signed for a renewal',
  );
  t.match(await report(host, { said: [] }), refused(/did not sign/), 'if something else was signed');
  t.match(await report(host, { challenge: 'x' }), refused(/not fresh/));
  t.match(await report(host, { trusts: ['nonsense'] }), refused('invalid request'));
  t.match(await report(host, { trusts: Array.from({ length: 65 }, () => trust) }), refused('invalid request'));
  t.match(await report(host, { nonce: 'short' }), refused('invalid request'));
  t.match((await host.server.post('/ca/report', {})).json, refused('invalid request'));
  host.server.time.advance(86_400_000);
  t.match(await report(host), refused(/it expired/));
  t.equal(known(host), 0, 'and nothing is remembered');
});
