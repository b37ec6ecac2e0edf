/** The one function that says whether a certificate counts: every way in which it may not. */
import t from 'tap';
import { flag, optionValue } from '../../src/ssh/cert-options.ts';
import { type CertificateFields, encodeCertificate, encodeSigned } from '../../src/ssh/certificate.ts';
import type { InvalidReason, Terms, Verdict } from '../../src/ssh/check-certificate.ts';
import { emptyKrl, type Krl } from '../../src/ssh/krl.ts';
import { encodePublicKey } from '../../src/ssh/public-key.ts';
import { encodeSignature } from '../../src/ssh/signature.ts';
import { string, uint32 } from '../../src/ssh/wire.ts';
import { certify, judge, newCa, newPair, noon, ordinary, sha256 } from './authority.ts';

const ca = newCa();
const { key } = newPair();

t.test('our certificate counts: then, there, for whom it is', t => {
  const verdict = judge(certify(ca, { key }), ca.publicKey);
  t.match(verdict, { kind: 'valid', verifyRequired: false, certificate: { serial: 7n, principals: ['alice'] } });
  t.notOk('forceCommand' in verdict);
  const host = { type: 'host', principals: ['web1.example.com'], extensions: new Map() } as const;
  t.equal(check(host, { type: 'host', principal: 'web1.example.com' }).kind, 'valid');
  t.equal(check({ principals: ['bob', 'alice'] }, {}).kind, 'valid', 'any of its principals');
  t.equal(
    check({ extensions: new Map([['x@example.com', flag]]) }, {}).kind,
    'valid',
    'an unknown extension is ignored',
  );
  t.end();
});

t.test('the first second counts, the one after the last does not', t => {
  const times: [number, string][] = [
    [noon - 1, 'not-yet-valid'],
    [noon, 'valid'],
    [noon + 299_999, 'valid'],
    [noon + 300_000, 'expired'],
  ];
  for (const [now, expected] of times) t.equal(outcome(check({}, { now })), expected, String(now - noon));
  t.end();
});

t.test('a certificate of any other kind, CA, name or address does not count', t => {
  const fromTen = { criticalOptions: new Map([['source-address', optionValue('10.0.0.0/8')]]) };
  const rows: [string, Partial<CertificateFields>, Partial<Terms>, InvalidReason | 'valid'][] = [
    ['a host certificate of a user', { type: 'host' }, {}, 'wrong-type'],
    ['a user certificate of a host', {}, { type: 'host' }, 'wrong-type'],
    ['another CA', {}, { caKeys: [newCa().publicKey] }, 'unknown-ca'],
    ['no CA', {}, { caKeys: [] }, 'unknown-ca'],
    ['the certified key as the CA', {}, { caKeys: [key] }, 'unknown-ca'],
    ['one of two CAs', {}, { caKeys: [newCa().publicKey, ca.publicKey] }, 'valid'],
    ['another principal', {}, { principal: 'root' }, 'wrong-principal'],
    ['a part of the principal', {}, { principal: 'ali' }, 'wrong-principal'],
    ['another case', {}, { principal: 'Alice' }, 'wrong-principal'],
    ['no principal', { principals: [] }, {}, 'wrong-principal'],
    ['no name asked for', {}, { principal: '' }, 'wrong-principal'],
    ['a pattern', { principals: ['*'] }, {}, 'wrong-principal'],
    ['the right address', fromTen, { address: '10.1.2.3' }, 'valid'],
    ['another address', fromTen, { address: '192.0.2.1' }, 'wrong-address'],
    ['no known address', fromTen, {}, 'wrong-address'],
    [
      'a bad list',
      options({ 'source-address': optionValue('10.0.0.0/8,nonsense') }),
      { address: '10.1.2.3' },
      'wrong-address',
    ],
    ['an empty list', options({ 'source-address': optionValue('') }), { address: '10.1.2.3' }, 'wrong-address'],
    ['a list without its string', options({ 'source-address': flag }), { address: '10.1.2.3' }, 'wrong-address'],
  ];
  for (const [what, fields, terms, expected] of rows) t.equal(outcome(check(fields, terms)), expected, what);
  t.end();
});

t.test('a critical option counts only if somebody sees to it', t => {
  const command = options({ 'force-command': optionValue('/bin/date') });
  const verify = options({ 'verify-required': flag });
  const honours = ['force-command', 'verify-required'] as const;
  t.match(check(command, { honours }), { kind: 'valid', forceCommand: '/bin/date' });
  t.match(check(verify, { honours }), { kind: 'valid', verifyRequired: true });
  t.match(check(command, { honours: ['verify-required'] }), { reason: 'critical-option', text: /force-command/ });
  t.match(check(verify, { honours: ['force-command'] }), { reason: 'critical-option', text: /verify-required/ });
  const rows: [string, Partial<CertificateFields>, Partial<Terms>][] = [
    ['an unknown option', options({ 'only-on-sundays@example.com': flag }), { honours }],
    ['an extension as an option', options({ 'permit-pty': flag }), { honours }],
    ['a command without its string', options({ 'force-command': flag }), { honours }],
    [
      'a command with something behind it',
      options({ 'force-command': Buffer.concat([string('id'), uint32(0)]) }),
      { honours },
    ],
    ['a flag with a value', options({ 'verify-required': optionValue('no') }), { honours }],
    ['any option of a host', { ...command, type: 'host' }, { type: 'host', honours }],
  ];
  for (const [what, fields, terms] of rows) t.equal(outcome(check(fields, terms)), 'critical-option', what);
  t.end();
});

t.test('what is revoked does not count, by whatever it is named', t => {
  const caBlob = encodePublicKey(ca.publicKey);
  const section = { ca: caBlob, serials: [], bitmaps: [], keyIds: new Set<string>() };
  const blob = encodePublicKey(key);
  const lists: [string, Partial<Krl>, InvalidReason | 'valid'][] = [
    ['nothing', {}, 'valid'],
    ['its serial', { certificates: [{ ...section, serials: [{ first: 7n, last: 7n }] }] }, 'revoked'],
    ['a range around it', { certificates: [{ ...section, serials: [{ first: 1n, last: 9n }] }] }, 'revoked'],
    ['other serials', { certificates: [{ ...section, serials: [{ first: 8n, last: 99n }] }] }, 'valid'],
    ['its bit', { certificates: [{ ...section, bitmaps: [{ offset: 5n, bits: Buffer.of(0b100) }] }] }, 'revoked'],
    ['other bits', { certificates: [{ ...section, bitmaps: [{ offset: 5n, bits: Buffer.of(0b11111011) }] }] }, 'valid'],
    ['its key id', { certificates: [{ ...section, keyIds: new Set([ordinary.keyId]) }] }, 'revoked'],
    [
      'its serial, of any CA',
      { certificates: [{ ...section, ca: undefined, serials: [{ first: 7n, last: 7n }] }] },
      'revoked',
    ],
    [
      'its serial, of another CA',
      { certificates: [{ ...section, ca: blob, serials: [{ first: 7n, last: 7n }] }] },
      'valid',
    ],
    ['its key', { keys: new Set([blob.toString('base64')]) }, 'revoked'],
    ['the fingerprint of its key', { sha256: new Set([sha256(blob)]) }, 'revoked'],
    ['its CA', { keys: new Set([caBlob.toString('base64')]) }, 'revoked'],
    ['the fingerprint of its CA', { sha256: new Set([sha256(caBlob)]) }, 'revoked'],
    ['another key', { sha256: new Set([sha256(Buffer.from('x'))]), sha1: new Set(['']) }, 'valid'],
  ];
  for (const [what, krl, expected] of lists)
    t.equal(outcome(check({}, { revoked: [emptyKrl, { ...emptyKrl, ...krl }] })), expected, what);
  const zero = { certificates: [{ ...section, serials: [{ first: 0n, last: 9n }] }] };
  t.equal(outcome(check({ serial: 0n }, { revoked: [{ ...emptyKrl, ...zero }] })), 'valid', 'no serial, no match');
  t.end();
});

t.test('a certificate that signs certificates is refused', t => {
  const nested = encodeSigned({ ...ordinary, key }, Buffer.alloc(32), ca.publicKey);
  const caLength = 4 + encodePublicKey(ca.publicKey).length;
  const signed = Buffer.concat([nested.subarray(0, -caLength), string(certify(ca, { key }))]);
  const signature = encodeSignature('ssh-ed25519', ca.plain(undefined, signed));
  const verdict = judge(encodeCertificate(signed, signature), ca.publicKey);
  t.match(verdict, { kind: 'invalid', reason: 'malformed', text: /signed by a certificate/ });
  t.end();
});

t.test('a signature of another kind than its key is none', t => {
  const rsa = newCa('rsa-2048');
  const signed = encodeSigned({ ...ordinary, key }, Buffer.alloc(32), rsa.publicKey);
  const good = rsa.plain('sha512', signed);
  const rows: [string, Buffer, InvalidReason | 'valid'][] = [
    ['as it is', encodeSignature('rsa-sha2-512', good), 'valid'],
    ['called SHA-256', encodeSignature('rsa-sha2-256', good), 'bad-signature'],
    ['called ssh-rsa', Buffer.concat([string('ssh-rsa'), string(good)]), 'bad-signature'],
    ['called Ed25519', Buffer.concat([string('ssh-ed25519'), string(good)]), 'bad-signature'],
    ['called by a prototype name', Buffer.concat([string('toString'), string(good)]), 'bad-signature'],
    ['with zeros before it', encodeSignature('rsa-sha2-512', Buffer.concat([Buffer.alloc(1), good])), 'bad-signature'],
    [
      'with something behind it',
      Buffer.concat([encodeSignature('rsa-sha2-512', good), Buffer.alloc(1)]),
      'bad-signature',
    ],
    ['empty', Buffer.alloc(0), 'bad-signature'],
  ];
  for (const [what, signature, expected] of rows)
    t.equal(outcome(judge(encodeCertificate(signed, signature), rsa.publicKey)), expected, what);
  t.end();
});

t.test('a signature by ECDSA is good once: with r or s out of range it is none', t => {
  const ec = newCa('ecdsa-256');
  const signed = encodeSigned({ ...ordinary, key }, Buffer.alloc(32), ec.publicKey);
  const plain = ec.plain('sha256', signed);
  const judged = (bytes: Buffer): string =>
    outcome(judge(encodeCertificate(signed, encodeSignature('ecdsa-sha2-nistp256', bytes)), ec.publicKey));
  t.equal(judged(plain), 'valid');
  t.equal(judged(Buffer.alloc(64)), 'bad-signature', 'r = s = 0 (CVE-2022-21449)');
  t.equal(judged(Buffer.alloc(64, 0xff)), 'bad-signature');
  t.equal(judged(Buffer.alloc(80, 0x7f)), 'bad-signature', 'too wide');
  t.end();
});

function check(fields: Partial<CertificateFields>, terms: Partial<Terms>): Verdict {
  return judge(certify(ca, { key, ...fields }), ca.publicKey, terms);
}

function options(entries: Readonly<Record<string, Buffer>>): Pick<CertificateFields, 'criticalOptions'> {
  return { criticalOptions: new Map(Object.entries(entries)) };
}

function outcome(verdict: Verdict): InvalidReason | 'valid' {
  return verdict.kind === 'valid' ? 'valid' : verdict.reason;
}
