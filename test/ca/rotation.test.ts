import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Authority, caKey, openAuthority, unlockCa } from '../../src/ca/authority.ts';
import { fingerprintOf } from '../../src/ca/issue.ts';
import { nodeCrypto } from '../../src/ca/node-crypto.ts';
import { krlOf, revocationOfSerial } from '../../src/ca/revocation.ts';
import { abortRotation, finishRotation, startRotation, trustedKeys } from '../../src/ca/rotation.ts';
import { signUserKey } from '../../src/ca/user-certificate.ts';
import { parseCertificate } from '../../src/ssh/certificate.ts';
import { checkCertificate } from '../../src/ssh/check-certificate.ts';
import { isRevoked } from '../../src/ssh/krl.ts';
import type { PublicKey } from '../../src/ssh/public-key.ts';
import { newPair, noon } from '../ssh/authority.ts';
import { valueOf as read } from '../ssh/openssh.ts';
import { cost, issuerOf, newAuthority, passphrase, valueOf } from './ca.ts';

const { key } = newPair();
const terms = { principals: ['alice'], forSeconds: 3600, extensions: [] };
const hourMs = 3_600_000;

t.test('through a rotation every certificate that is not over counts, at each step', async t => {
  let authority = await newAuthority(['user']);
  t.teardown(() => authority.close());
  const reopen = (): void => {
    authority.close();
    authority = valueOf(openAuthority(authority.directory));
  };
  const old = caOf(authority);
  const first = await certificate(authority);
  t.strictSame(trusted(authority, noon), [old]);

  const next = valueOf(await startRotation(authority, 'user', 'ecdsa-256', passphrase, cost));
  t.not(fingerprintOf(next), fingerprintOf(old));
  reopen();
  t.strictSame(trusted(authority, noon), [old, next], 'both are trusted');
  t.strictSame(caOf(authority), old, 'and the old one signs');
  t.match(await startRotation(authority, 'user', 'ed25519', passphrase, cost), { kind: 'refused', text: /has begun/ });
  const second = await certificate(authority);

  t.strictSame(valueOf(finishRotation(authority, 'user', noon)), {
    signs: next,
    retired: old,
    trustedUntil: BigInt(noon / 1000 + 3600),
  });
  reopen();
  t.strictSame(caOf(authority), next, 'the new one signs');
  const third = await certificate(authority);
  t.strictSame(trusted(authority, noon), [next, old], 'the old one is trusted while it has certificates');
  for (const blob of [first, second, third]) t.equal(counts(authority, blob), 'valid');
  t.strictSame(trusted(authority, noon + hourMs), [next], 'and no longer');
  t.match(finishRotation(authority, 'user', noon), { kind: 'refused', text: /no rotation .* has begun/ });
});

t.test('what was revoked before a rotation stays revoked after it', async t => {
  let authority = await newAuthority(['user']);
  t.teardown(() => authority.close());
  const blob = await certificate(authority);
  authority.issues.revoke(valueOf(revocationOfSerial(authority, '1')), '', noon);
  valueOf(await startRotation(authority, 'user', 'ed25519', passphrase, cost));
  authority.close();
  authority = valueOf(openAuthority(authority.directory));
  valueOf(finishRotation(authority, 'user', noon));
  authority.close();
  authority = valueOf(openAuthority(authority.directory));
  t.ok(isRevoked(krlOf(authority, noon), read(parseCertificate(blob)), nodeCrypto));
});

t.test('a rotation can be taken back until it is finished', async t => {
  let authority = await newAuthority(['user']);
  t.teardown(() => authority.close());
  t.match(abortRotation(authority, 'user'), { kind: 'refused' });
  t.match(await startRotation(authority, 'host', 'ed25519', passphrase, cost), { kind: 'config', text: /no host CA/ });
  const old = caOf(authority);
  const next = valueOf(await startRotation(authority, 'user', 'ed25519', passphrase, cost));
  authority.close();
  authority = valueOf(openAuthority(authority.directory));
  t.strictSame(valueOf(abortRotation(authority, 'user')), next);
  authority.close();
  authority = valueOf(openAuthority(authority.directory));
  t.strictSame(trusted(authority, noon), [old]);
  t.strictSame(caOf(authority), old);
});

t.test(
  'if the power fails between the two steps of finishing, the old one signs on and finishing again works',
  async t => {
    let authority = await newAuthority(['user']);
    t.teardown(() => authority.close());
    const old = caOf(authority);
    const next = valueOf(await startRotation(authority, 'user', 'ed25519', passphrase, cost));
    authority.issues.retire('user', old, noon);
    authority.close();
    authority = valueOf(openAuthority(authority.directory));
    await certificate(authority);
    t.strictSame(trusted(authority, noon), [old, next], 'each once');
    valueOf(finishRotation(authority, 'user', noon));
    authority.close();
    authority = valueOf(openAuthority(authority.directory));
    t.strictSame(trusted(authority, noon), [next, old]);
  },
);

t.test('the next key file is as good or bad as the present one', async t => {
  const authority = await newAuthority(['user']);
  authority.close();
  const file = join(authority.directory, 'ssh-user-ca.next.key');
  writeFileSync(file, 'nonsense', { mode: 0o600 });
  t.match(openAuthority(authority.directory), { kind: 'config', text: /next\.key: is not the key file/ });
  writeFileSync(file, readFileSync(join(authority.directory, 'ssh-user-ca.key')));
  const opened = valueOf(openAuthority(authority.directory));
  t.ok(existsSync(file));
  t.equal((await unlockCa(opened, 'user', passphrase)).kind, 'done');
  opened.close();
});

function caOf(authority: Authority): PublicKey {
  return valueOf(caKey(authority, 'user')).publicKey;
}

function trusted(authority: Authority, now: number): readonly PublicKey[] {
  return valueOf(trustedKeys(authority, 'user', now));
}

async function certificate(authority: Authority): Promise<Buffer> {
  return valueOf(await signUserKey(await issuerOf(authority, 'user'), key, 'x', terms, noon)).certificate;
}

function counts(authority: Authority, blob: Buffer): string {
  const caKeys = trusted(authority, noon);
  return checkCertificate(
    blob,
    { type: 'user', caKeys, now: noon, principal: 'alice', honours: [], revoked: [] },
    nodeCrypto,
  ).kind;
}
