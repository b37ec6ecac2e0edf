/** What holds of all certificates and KRLs, tried on many. */
import { join } from 'node:path';
import t from 'tap';
import { nodeCrypto } from '../../src/ca/node-crypto.ts';
import { optionValue } from '../../src/ssh/cert-options.ts';
import { type CertificateFields, parseCertificate } from '../../src/ssh/certificate.ts';
import { emptyKrl, isRevoked, type SerialRange } from '../../src/ssh/krl.ts';
import { parseKrl } from '../../src/ssh/krl-read.ts';
import { encodeKrl } from '../../src/ssh/krl-write.ts';
import { encodePublicKey } from '../../src/ssh/public-key.ts';
import { maxUint64 } from '../../src/ssh/wire.ts';
import { certify, judge, newCa, newPair, ordinary, writeCertificate } from './authority.ts';
import { chance } from './chance.ts';
import { describe, folder, securityKeys, valueOf } from './openssh.ts';

const { below, noise, pick } = chance(t);
const here = folder();
const ca = newCa();
const keys = [newPair().key, newPair('ecdsa-384').key, newPair('rsa-2048').key, ...securityKeys];
const words = [
  'alice',
  'bob',
  'ä',
  '日本',
  'a b',
  '-',
  '"',
  '\\',
  '$(id)',
  'DOMAIN\\user',
  'x'.repeat(256),
  '🔑',
] as const;

t.test('a certificate is read as it was made, whatever is in it, and ssh-keygen reads it too', t => {
  for (let round = 0; round < 400; round++) {
    const fields = randomFields();
    const blob = certify(ca, fields);
    const { nonce, caKey, signed, signature, criticalOptions, extensions, ...read } = valueOf(parseCertificate(blob));
    const { criticalOptions: critical, extensions: more, ...rest } = fields;
    t.strictSame(read, rest);
    t.strictSame(new Map(criticalOptions), new Map(sorted(critical)));
    t.strictSame(
      [...extensions.keys()],
      sorted(more).map(([name]) => name),
    );
    t.ok(nonce.length === 32 && signed.length > 0 && signature.length > 0 && caKey.type === 'ssh-ed25519');
    const wanted = judge(blob, ca.publicKey, {
      type: fields.type,
      principal: fields.principals[0] ?? '',
      now: nowOf(fields),
    });
    t.equal(wanted.kind, fields.principals.length > 0 && critical.size === 0 ? 'valid' : 'invalid');
    if (round % 20 !== 0) continue;
    const file = writeCertificate(join(here, 'any-cert.pub'), fields.key, blob);
    t.match(describe(file), { serial: String(fields.serial), type: new RegExp(`${fields.type} certificate$`) });
    t.equal(describe(file).principals.filter(line => line !== '(none)').length, fields.principals.length);
  }
  t.end();
});

t.test('a KRL revokes the serials that were put into it, and no other', t => {
  const { key } = newPair();
  const section = { ca: encodePublicKey(ca.publicKey), bitmaps: [], keyIds: new Set<string>() };
  const certificate = valueOf(parseCertificate(certify(ca, { key })));
  for (let round = 0; round < 200; round++) {
    const base = pick([1n, 100n, 2n ** 32n, 2n ** 63n, maxUint64 - 200n]);
    const serials: SerialRange[] = Array.from({ length: below(20) }, () => {
      const first = base + BigInt(below(100));
      return { first, last: first + BigInt(pick([0, 0, 1, below(50)])) };
    });
    const krl = valueOf(parseKrl(encodeKrl({ ...emptyKrl, certificates: [{ ...section, serials }] })));
    for (let serial = base; serial < base + 160n; serial += 1n) {
      const expected = serials.some(({ first, last }) => first <= serial && serial <= last);
      if (isRevoked(krl, { ...certificate, serial }, nodeCrypto) !== expected)
        t.fail(`${serial} of ${serials.length} ranges`);
    }
    t.ok(krl.certificates.length === 1);
  }
  t.end();
});

t.test('noise is no certificate, no key and no KRL', t => {
  for (let round = 0; round < 5000; round++) {
    const bytes = noise(below(300));
    if (parseCertificate(bytes).kind === 'parsed' || parseKrl(bytes).kind === 'parsed') t.fail(bytes.toString('hex'));
  }
  t.end();
});

function randomFields(): CertificateFields {
  const start = BigInt(below(2 ** 31));
  const [validAfter, validBefore] = pick([
    [start, start + 1n + BigInt(below(2 ** 31))],
    [0n, maxUint64],
  ]);
  return {
    ...ordinary,
    key: pick(keys),
    type: pick(['user', 'host'] as const),
    serial: pick([0n, 1n, BigInt(below(2 ** 31)), maxUint64]),
    keyId: pick([...words, '']),
    principals: Array.from({ length: pick([0, 1, 1, 2, 256]) }, () => pick(words)),
    validAfter,
    validBefore,
    criticalOptions: randomOptions(pick([0, 0, 1, 3])),
    extensions: randomOptions(below(6)),
  };
}

function randomOptions(count: number): Map<string, Buffer> {
  const entries = Array.from(
    { length: count },
    (_, i) => [`${pick(['z', 'A', 'm'])}${i}@example.com`, data()] as const,
  );
  return new Map(entries);
}

function data(): Buffer {
  return pick([Buffer.alloc(0), optionValue('value'), noise(below(50))]);
}

function nowOf({ validAfter }: CertificateFields): number {
  return Number(validAfter) * 1000;
}

function sorted(options: ReadonlyMap<string, Buffer>): [string, Buffer][] {
  return [...options].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
