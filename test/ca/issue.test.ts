/** What the CA issues: as OpenSSH reads it, and as it stands in the record. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Authority, Issuer } from '../../src/ca/authority.ts';
import { signHostKey } from '../../src/ca/host-certificate.ts';
import { certificateLine, fingerprintOf } from '../../src/ca/issue.ts';
import { issuedAsJson, issuedAsTable } from '../../src/ca/issued-list.ts';
import { nodeCrypto } from '../../src/ca/node-crypto.ts';
import { issueUserCertificate, signUserKey, type UserTerms } from '../../src/ca/user-certificate.ts';
import { checkCertificate } from '../../src/ssh/check-certificate.ts';
import { keyOf, newPair, noon } from '../ssh/authority.ts';
import { describe, folder, securityKeys } from '../ssh/openssh.ts';
import { issuerOf, newAuthority, valueOf } from './ca.ts';

const here = folder();
const authority: Authority = await newAuthority();
t.teardown(() => authority.close());
const user: Issuer = await issuerOf(authority, 'user');
const host: Issuer = await issuerOf(authority, 'host');
const { key } = newPair();
const plain: UserTerms = { principals: ['alice'], forSeconds: 300, extensions: ['permit-pty'] };
const connection = { person: 'alice@example.com', host: 'web1', attempt: '01J00000000000000000000000' };

t.test('a connection gets a key of its own and a certificate that says who, where and which attempt', async t => {
  const one = valueOf(await issueUserCertificate(user, connection, { ...plain, sourceAddress: '10.0.0.5' }, noon));
  const two = valueOf(await issueUserCertificate(user, connection, plain, noon));
  t.not(fingerprintOf(one.publicKey), fingerprintOf(two.publicKey));
  t.equal(two.serial, one.serial + 1n);
  t.strictSame(keyOf(one.privateKey), one.publicKey);
  const file = join(here, 'one-cert.pub');
  writeFileSync(file, certificateLine(one.publicKey, one.certificate, 'x'));
  t.strictSame(describe(file), {
    type: 'ssh-ed25519-cert-v01@openssh.com user certificate',
    keyFingerprint: fingerprintOf(one.publicKey),
    caFingerprint: fingerprintOf(user.signer.publicKey),
    algorithm: 'ssh-ed25519',
    keyId: '"trasa:alice@example.com:web1:01J00000000000000000000000"',
    serial: String(one.serial),
    valid: 'from 2026-06-15T11:59:00 to 2026-06-15T12:05:00',
    principals: ['alice'],
    criticalOptions: ['source-address 10.0.0.5'],
    extensions: ['permit-pty'],
  });
  const terms = {
    type: 'user',
    caKeys: [user.signer.publicKey],
    principal: 'alice',
    honours: [],
    revoked: [],
  } as const;
  t.equal(
    checkCertificate(two.certificate, { ...terms, now: noon - 59_000 }, nodeCrypto).kind,
    'valid',
    'clocks differ',
  );
});

t.test('terms become critical options and extensions, and nothing that was not asked for', async t => {
  const [securityKey = key] = securityKeys;
  const terms = { ...plain, sourceAddress: '10.0.0.0/8,::1', forceCommand: 'id', verifyRequired: true };
  const extensions = ['permit-X11-forwarding', 'who@example.com=alice'];
  const all = valueOf(await signUserKey(user, securityKey, 'all', { ...terms, extensions }, noon));
  const file = join(here, 'all-cert.pub');
  writeFileSync(file, certificateLine(securityKey, all.certificate, 'x'));
  t.match(describe(file), {
    criticalOptions: ['force-command id', 'source-address 10.0.0.0/8,::1', 'verify-required'],
    extensions: ['permit-X11-forwarding', /^who@example\.com UNKNOWN OPTION: 00000005616c696365/],
  });
  const none = valueOf(await signUserKey(user, key, 'none', { ...plain, extensions: [] }, noon));
  writeFileSync(file, certificateLine(key, none.certificate, 'x'));
  t.match(describe(file), { criticalOptions: [], extensions: [] });
});

t.test('what would be good for nobody, for anybody or for something else is refused, and takes no serial', async t => {
  const next = user.issues.takeSerial() + 1n;
  const cases: [Partial<UserTerms>, RegExp][] = [
    [{ principals: [] }, /good for nobody/],
    [{ principals: ['a,b'] }, /"a,b" is not the name of an account/],
    [{ principals: ['*'] }, /not the name/],
    [{ principals: ['alice root'] }, /not the name/],
    [{ principals: ['alice', ''] }, /not the name/],
    [{ principals: ['a\u200Blice'] }, /not the name/],
    [{ forSeconds: 0 }, /a second at least/],
    [{ forSeconds: 1.5 }, /a second at least/],
    [{ forSeconds: Number.NaN }, /a second at least/],
    [{ sourceAddress: '10.0.0.1/8' }, /say addresses or CIDR blocks/],
    [{ sourceAddress: '' }, /say addresses/],
    [{ forceCommand: ' ' }, /one line, and not empty/],
    [{ forceCommand: 'id\nid' }, /one line/],
    [{ verifyRequired: true }, /only a security key/],
    [{ extensions: ['permit-all'] }, /permit-all: is no extension; there are/],
    [{ extensions: ['permit-pty=yes'] }, /is no extension/],
    [{ extensions: [''] }, /is no extension/],
  ];
  for (const [terms, text] of cases)
    t.match(
      await signUserKey(user, key, 'x', { ...plain, ...terms }, noon),
      { kind: 'refused', text },
      JSON.stringify(terms),
    );
  t.match(await signUserKey(user, key, '', plain, noon), { kind: 'refused', text: /without a key id/ });
  for (const bad of [{ person: 'a:b' }, { person: '' }, { attempt: 'a b' }, { host: '' }])
    t.match(
      await issueUserCertificate(user, { ...connection, ...bad }, plain, noon),
      { kind: 'refused' },
      JSON.stringify(bad),
    );
  const offCurve = { type: 'ecdsa-sha2-nistp256', point: Buffer.alloc(65, 4) } as const;
  t.match(await signUserKey(user, offCurve, 'x', plain, noon), { kind: 'refused', text: /not on its curve/ });
  t.equal(user.issues.takeSerial(), next);
});

t.test('a host is certified for its names, in the form in which clients ask for them', async t => {
  const names = ['web1.example.com', '10.0.0.5', '2001:db8::5', 'web_1'];
  const issued = valueOf(await signHostKey(host, key, names, 30 * 86_400, noon));
  const file = join(here, 'host-cert.pub');
  writeFileSync(file, certificateLine(key, issued.certificate, 'x'));
  t.match(describe(file), {
    type: 'ssh-ed25519-cert-v01@openssh.com host certificate',
    keyId: '"web1.example.com"',
    principals: names,
    valid: 'from 2026-06-15T11:59:00 to 2026-07-15T12:00:00',
    criticalOptions: [],
    extensions: [],
  });
  for (const bad of ['*.example.com', 'Web1', 'web1:22', '[::1]:22', '-web', 'a b', '', 'a,b', 'web?', 'web.'])
    t.match(
      await signHostKey(host, key, ['web1', bad], 60, noon),
      { kind: 'refused', text: /is not the name of a host/ },
      bad,
    );
  t.match(await signHostKey(host, key, [], 60, noon), { kind: 'refused', text: /good for nobody/ });
  const [securityKey = key] = securityKeys;
  t.match(await signHostKey(host, securityKey, ['web1'], 60, noon), { kind: 'refused', text: /sshd cannot use it/ });
});

t.test('all that is issued is on record, the newest first', async t => {
  const { serial } = valueOf(
    await signUserKey(user, key, 'on record', { ...plain, principals: ['alice', 'bob'] }, noon),
  );
  const [issue] = authority.issues.list(1);
  t.strictSame(issue, {
    serial,
    type: 'user',
    keyId: 'on record',
    principals: ['alice', 'bob'],
    validAfter: BigInt(noon / 1000 - 60),
    validBefore: BigInt(noon / 1000 + 300),
    key: fingerprintOf(key),
    ca: fingerprintOf(user.signer.publicKey),
    issuedAt: noon,
  });
  t.strictSame(authority.issues.find(serial), issue);
  t.equal(authority.issues.find(2n ** 64n - 1n), undefined);
  const list = authority.issues.list(2);
  t.match(issuedAsTable(list)[1], /^\d+ +user +on record +alice,bob +2026-06-15 11:59:00 {2}2026-06-15 12:05:00$/);
  t.match(JSON.parse(issuedAsJson(list)[0] ?? ''), { serial: String(serial), validBefore: '2026-06-15T12:05:00.000Z' });
});

t.test('a record that cannot be written is no certificate', async t => {
  const other = await newAuthority(['user']);
  const issuer = await issuerOf(other, 'user');
  other.close();
  t.match(await signUserKey(issuer, key, 'x', plain, noon), { kind: 'refused', text: /^no certificate: ./ });
});
