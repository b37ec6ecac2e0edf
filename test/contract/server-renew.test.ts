import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openAuthority } from '../../src/ca/authority.ts';
import { signHostKey } from '../../src/ca/host-certificate.ts';
import { readHostKey } from '../../src/ca/host-key.ts';
import { certificateLine } from '../../src/ca/issue.ts';
import { nodeCrypto } from '../../src/ca/node-crypto.ts';
import { renewalMessage, renewalPurpose } from '../../src/ca/renewal.ts';
import { revocationOfKey, revocationOfKeyId, revocationOfSerial } from '../../src/ca/revocation.ts';
import { finishRotation, startRotation } from '../../src/ca/rotation.ts';
import { signUserKey } from '../../src/ca/user-certificate.ts';
import { isObject } from '../../src/server/json.ts';
import { caPassphrase } from '../../src/server/server-cas.ts';
import { signMessage } from '../../src/ssh/sshsig.ts';
import { issuerOf, newAuthority, valueOf } from '../ca/ca.ts';
import { dataOf } from '../server/signed-in.ts';
import { monday, type TestServer, testServer } from '../server/test-server.ts';
import { blobIn, describe, folder, keygen, keyIn, makeKey, type SoftType, softTypes } from '../ssh/openssh.ts';

const day = 86_400_000;
const names = ['web1.example.com', '10.0.0.5'];

interface Host {
  readonly server: TestServer;
  /** `key`, `key.pub`, `key-cert.pub`. */
  readonly key: string;
}

/** A host with a certificate of 30 days, made now. */
async function hostOf(t: Test, type: SoftType = 'ed25519'): Promise<Host> {
  const made = await testServer(t);
  valueOf(await made.state.cas.init('host'));
  const { path, key } = makeKey(join(folder(), 'key'), type);
  const issued = valueOf(
    await made.state.cas.issue(
      'host',
      async issuer => await signHostKey(issuer, key, names, 30 * 86_400, made.time.now(), 'host-1'),
    ),
  );
  writeFileSync(`${path}-cert.pub`, certificateLine(key, issued.certificate, ''));
  return { server: made, key: path };
}

/** Certified by a CA of others. */
async function foreignHost(): Promise<string> {
  const issuer = await issuerOf(await newAuthority(['host']), 'host');
  const { path, key } = makeKey(join(folder(), 'key'));
  const issued = valueOf(await signHostKey(issuer, key, names, 30 * 86_400, monday));
  writeFileSync(`${path}-cert.pub`, certificateLine(key, issued.certificate, ''));
  return path;
}

async function challengeOf({ post }: TestServer): Promise<string> {
  const [data] = dataOf((await post('/ca/renew/challenge', {})).json);
  return isObject(data) ? String(data['challenge']) : '';
}

interface Wrong {
  readonly certificate?: string;
  readonly challenge?: string;
  readonly signedWith?: string;
  readonly purpose?: string;
}

async function renew({ server, key }: Host, wrong: Wrong = {}): Promise<unknown> {
  const certificate = wrong.certificate ?? `${key}-cert.pub`;
  const challenge = wrong.challenge ?? (await challengeOf(server));
  const signer = valueOf(readHostKey(wrong.signedWith ?? key));
  const message = renewalMessage({ challenge, certificate: blobIn(certificate) });
  const signature = await signMessage(message, wrong.purpose ?? renewalPurpose, signer, nodeCrypto);
  const text = readFileSync(certificate, 'utf8');
  return (await server.post('/ca/renew', { certificate: text, challenge, signature: signature.toString('base64') }))
    .json;
}

function revoke({ state }: TestServer, what: 'serial' | 'key' | 'key-id', key: string): void {
  const authority = valueOf(openAuthority(join(state.directory, 'ca')));
  const revocation = {
    serial: () => revocationOfSerial(authority, '1'),
    key: () => revocationOfKey(keyIn(`${key}.pub`)),
    'key-id': () => revocationOfKeyId('host-1'),
  }[what]();
  authority.issues.revoke(valueOf(revocation), '', Date.now());
  authority.close();
}

const refused = (reason: string | RegExp) => ({ status: 'failed', reason, intent: 'renew' });

for (const type of softTypes)
  t.test(`a host whose key is ${type} gets its next certificate by the present one`, async t => {
    const host = await hostOf(t, type);
    host.server.time.advance(20 * day);
    const json = await renew(host);
    t.match(json, { status: 'success' });
    const [data] = dataOf(json);
    const next = join(folder(), 'next-cert.pub');
    writeFileSync(next, isObject(data) ? String(data['certificate']) : '');
    const [before, after] = [describe(`${host.key}-cert.pub`), describe(next)];
    const { valid: _, serial: __, ...same } = before;
    t.match(after, same, 'key, names, key id and CA are what they were');
    t.equal(after.serial, '2');
    const end = (described: typeof after): number => Date.parse(`${described.valid.split(' to ')[1]}Z`);
    t.equal(end(after) - end(before), 20 * day);
    t.match(host.server.log.at(-1), /"service":"host-1","detail":"serial 2, of SHA256:/);
  });

t.test('ssh-keygen can sign for it, without us', async t => {
  const { server, key } = await hostOf(t);
  server.time.advance(20 * day);
  const challenge = await challengeOf(server);
  const message = `${key}.message`;
  writeFileSync(message, renewalMessage({ challenge, certificate: blobIn(`${key}-cert.pub`) }));
  keygen('-q', '-Y', 'sign', '-n', renewalPurpose, '-f', key, message);
  const signature = readFileSync(`${message}.sig`, 'utf8').replaceAll(/-----.*-----|\n/g, '');
  const certificate = readFileSync(`${key}-cert.pub`, 'utf8');
  t.match((await server.post('/ca/renew', { certificate, challenge, signature })).json, { status: 'success' });
});

t.test('it is refused', async t => {
  const host = await hostOf(t);
  const { server } = host;
  t.match(await renew(host), refused(/too early/), 'while more than two thirds of its time are left');
  server.time.advance(20 * day);
  const thief = makeKey(join(folder(), 'thief')).path;
  t.match(await renew(host, { signedWith: thief }), refused(/did not sign/), 'to whoever has not the key');
  t.match(await renew(host, { purpose: 'file' }), refused(/did not sign/), 'for a signature made for something else');
  const old = await challengeOf(server);
  server.time.advance(60_001);
  t.match(await renew(host, { challenge: old }), refused(/not fresh/), 'for a challenge of more than a minute ago');
  const forged = `${server.time.now()}.${'0'.repeat(64)}`;
  for (const challenge of ['', 'x', forged, old.replace(/^\d+/, String(server.time.now()))])
    t.match(await renew(host, { challenge }), refused(/not fresh/), 'for a challenge that is not ours');
  const foreign = await foreignHost();
  t.match(await renew({ server, key: foreign }), refused(/a CA that is not ours/), 'for a certificate by another CA');
  for (const body of ['', {}, { certificate: readFileSync(`${host.key}.pub`, 'utf8'), challenge: '', signature: '' }])
    t.match((await server.post('/ca/renew', body)).json, { status: 'failed' });
  t.match(await renew(host), { status: 'success' });
  server.time.advance(11 * day);
  t.match(await renew(host), refused(/it expired/), 'after its end');
});

t.test('a certificate of a person is none of a host', async t => {
  const server = await testServer(t);
  for (const name of ['user', 'host'] as const) valueOf(await server.state.cas.init(name));
  const { path, key } = makeKey(join(folder(), 'key'));
  const terms = { principals: ['web1.example.com'], forSeconds: 3600, extensions: [] };
  const issued = valueOf(
    await server.state.cas.issue('user', async issuer => await signUserKey(issuer, key, 'x', terms, monday)),
  );
  writeFileSync(`${path}-cert.pub`, certificateLine(key, issued.certificate, ''));
  t.match(await renew({ server, key: path }), refused(/it is a user certificate/));
});

for (const what of ['serial', 'key', 'key-id'] as const)
  t.test(`a host whose certificate was revoked by its ${what} gets no other`, async t => {
    const host = await hostOf(t);
    host.server.time.advance(20 * day);
    revoke(host.server, what, host.key);
    t.match(await renew(host), refused(/it was revoked/));
  });

t.test('after a rotation hosts come over to the new CA at once', async t => {
  const host = await hostOf(t);
  const { state } = host.server;
  const passphrase = caPassphrase(Buffer.from(readFileSync(join(state.directory, 'master.key'), 'utf8'), 'base64'));
  const before = valueOf(openAuthority(join(state.directory, 'ca')));
  valueOf(await startRotation(before, 'host', 'ed25519', passphrase, { N: 1024, r: 8, p: 1 }));
  before.close();
  const during = valueOf(openAuthority(join(state.directory, 'ca')));
  valueOf(finishRotation(during, 'host', monday));
  during.close();
  const [data] = dataOf(await renew(host));
  const next = join(folder(), 'next-cert.pub');
  writeFileSync(next, isObject(data) ? String(data['certificate']) : '');
  t.not(describe(next).caFingerprint, describe(`${host.key}-cert.pub`).caFingerprint);
});

t.test('without a Host CA nobody is renewed', async t => {
  const server = await testServer(t);
  t.match(await renew({ server, key: await foreignHost() }), refused('the Host CA cannot be used'));
});
