import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { signHostKey } from '../../src/ca/host-certificate.ts';
import { certificateLine } from '../../src/ca/issue.ts';
import { nodeCrypto } from '../../src/ca/node-crypto.ts';
import { krlOf, revocationOfKey, revocationOfKeyId, revocationOfSerial, writeKrl } from '../../src/ca/revocation.ts';
import { signUserKey } from '../../src/ca/user-certificate.ts';
import { parseCertificate } from '../../src/ssh/certificate.ts';
import { isRevoked } from '../../src/ssh/krl.ts';
import { parseKrl } from '../../src/ssh/krl-read.ts';
import { newPair, noon } from '../ssh/authority.ts';
import { folder, valueOf as read, revokedBy } from '../ssh/openssh.ts';
import { issuerOf, newAuthority, valueOf } from './ca.ts';

t.test('what is revoked by serial, key id or key is in the KRL, and nothing else', async t => {
  const here = folder();
  const authority = await newAuthority();
  t.teardown(() => authority.close());
  const user = await issuerOf(authority, 'user');
  const host = await issuerOf(authority, 'host');
  const terms = { principals: ['alice'], forSeconds: 300, extensions: [] };
  const one = async (keyId: string) => {
    const { key } = newPair();
    const issued = valueOf(await signUserKey(user, key, keyId, terms, noon));
    return { key, file: join(here, `${keyId}-cert.pub`), ...issued };
  };
  const certificates = [await one('first'), await one('second'), await one('third'), await one('fourth')];
  const { key } = newPair();
  const web1 = {
    key,
    file: join(here, 'web1-cert.pub'),
    ...valueOf(await signHostKey(host, key, ['web1'], 300, noon)),
  };
  const all = [...certificates, web1];
  for (const one of all) writeFileSync(one.file, certificateLine(one.key, one.certificate, 'x'));
  const [first = web1, second = web1, third = web1, fourth = web1] = certificates;
  const krlFile = join(here, 'krl');
  const check = (expected: readonly (typeof web1)[], version: number): void => {
    valueOf(writeKrl(authority, krlFile, noon));
    const krl = read(parseKrl(readFileSync(krlFile)));
    t.equal(krl.version, BigInt(version));
    const theirs = revokedBy(
      krlFile,
      all.map(({ file }) => file),
    );
    for (const one of all) {
      t.equal(theirs.get(one.file), expected.includes(one), one.file);
      t.equal(isRevoked(krl, read(parseCertificate(one.certificate)), nodeCrypto), expected.includes(one));
    }
  };
  check([], 0);
  const revoke = (revocation: ReturnType<typeof revocationOfKeyId>): boolean =>
    authority.issues.revoke(valueOf(revocation), 'a reason', noon);
  t.equal(revoke(revocationOfSerial(authority, String(first.serial))), true);
  t.equal(revoke(revocationOfSerial(authority, String(first.serial))), false, 'once is enough');
  check([first], 1);
  t.equal(revoke(revocationOfKeyId('second')), true);
  t.equal(revoke(revocationOfKey(third.key)), true);
  check([first, second, third], 3);
  t.equal(revoke(revocationOfSerial(authority, String(web1.serial))), true);
  check([first, second, third, web1], 4);
  t.equal(krlOf(authority, noon).certificates.length, 2);
  t.ok(fourth);
});

t.test('what is no serial, or not on record, or no key id revokes nothing and says so', async t => {
  const authority = await newAuthority(['user']);
  t.teardown(() => authority.close());
  for (const text of ['0', '-1', '1e3', '0x10', '', '99999999999999999999999'])
    t.match(revocationOfSerial(authority, text), { kind: 'refused', text: /is not a serial number/ }, text);
  for (const text of ['1', '18446744073709551615', '99999999999999999999'])
    t.match(revocationOfSerial(authority, text), { kind: 'refused', text: /no certificate on record/ }, text);
  for (const text of ['', 'a\nb']) t.match(revocationOfKeyId(text), { kind: 'refused', text: /is not a key id/ });
  t.strictSame(authority.issues.revocations(), []);
});
