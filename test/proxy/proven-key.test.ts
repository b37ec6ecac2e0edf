/** Whose certificate it is: of a CA that says who people are, for one email address, now, from there, and not revoked. */
import t from 'tap';
import { fingerprintOf } from '../../src/ca/issue.ts';
import { type KeyRules, ownerOf } from '../../src/proxy/downstream/proven-key.ts';
import { optionValue } from '../../src/ssh/cert-options.ts';
import type { CertificateFields } from '../../src/ssh/certificate.ts';
import { emptyKrl } from '../../src/ssh/krl.ts';
import { encodePublicKey } from '../../src/ssh/public-key.ts';
import { certify, newCa, newPair, noon, noonSeconds } from '../ssh/authority.ts';

const [userCa, systemCa, stranger] = [newCa(), newCa(), newCa()];
const { key } = newPair();
const rules: KeyRules = {
  keys: new Map([[fingerprintOf(key), 'bob@example.com']]),
  personCAs: [userCa.publicKey, systemCa.publicKey],
  revoked: [],
  now: noon,
  clientAddress: '192.0.2.7',
};
const email = 'alice@example.com';

function owner(ca: typeof systemCa, fields: Partial<CertificateFields> = {}, more: Partial<KeyRules> = {}) {
  const blob = certify(ca, { key, principals: [email], ...fields });
  const found = ownerOf(
    { algorithm: 'ssh-ed25519-cert-v01@openssh.com', blob, proof: undefined },
    { ...rules, ...more },
  );
  return typeof found === 'string' ? found : found.person;
}

t.test('either CA says who somebody is, and no other does', async t => {
  t.equal(owner(userCa), email);
  t.equal(owner(systemCa), email, 'and not bob, whose key it would be as it is');
  t.match(owner(stranger), /CA/);
  t.match(owner(systemCa, {}, { personCAs: [userCa.publicKey] }), /CA/, 'one that is trusted no more');
});

t.test('a certificate of the System CA counts as any other does', async t => {
  t.match(owner(systemCa, { principals: ['alice'] }), /not that of one person/);
  t.match(owner(systemCa, { principals: [email, 'bob@example.com'] }), /not that of one person/);
  t.not(owner(systemCa, { type: 'host' }), email);
  t.not(owner(systemCa, { validAfter: noonSeconds - 300n, validBefore: noonSeconds }), email, 'ended');
  t.not(owner(systemCa, { validAfter: noonSeconds + 1n }), email, 'not yet');
  const elsewhere = { criticalOptions: new Map([['source-address', optionValue('10.0.0.0/8')]]) };
  t.not(owner(systemCa, elsewhere), email);
  t.equal(owner(systemCa, elsewhere, { clientAddress: '10.1.2.3' }), email);
  t.not(owner(systemCa, { criticalOptions: new Map([['force-command', optionValue('id')]]) }), email);
  const revoked = [{ ...emptyKrl, keys: new Set([encodePublicKey(key).toString('base64')]) }];
  t.match(owner(systemCa, {}, { revoked }), /revoked/);
});
