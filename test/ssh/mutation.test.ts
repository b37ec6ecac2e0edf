/**
 * Bytes that somebody bent: whatever they are, the parsers return, and nothing bent is ever taken for genuine.
 */
import t from 'tap';
import { nodeCrypto } from '../../src/ca/node-crypto.ts';
import { parseCertificate } from '../../src/ssh/certificate.ts';
import { parseKeyLine } from '../../src/ssh/key-line.ts';
import { emptyKrl, isRevoked } from '../../src/ssh/krl.ts';
import { parseKrl } from '../../src/ssh/krl-read.ts';
import { encodeKrl } from '../../src/ssh/krl-write.ts';
import { encodePublicKey, parsePublicKey } from '../../src/ssh/public-key.ts';
import { allOptions, certify, judge, newCa, newPair, sha256 } from './authority.ts';
import { chance } from './chance.ts';
import { softTypes, valueOf } from './openssh.ts';

const { below, noise } = chance(t);

const terms = { address: '10.1.2.3', honours: ['force-command', 'verify-required'] } as const;
const certificates = softTypes.map(type => {
  const ca = newCa(type);
  return { type, ca, blob: certify(ca, { ...allOptions, key: newPair('ecdsa-256').key }) };
});

for (const { type, ca, blob } of certificates)
  t.test(`no single bit of a certificate by ${type} can be turned`, t => {
    t.equal(judge(blob, ca.publicKey, terms).kind, 'valid');
    const genuine: number[] = [];
    for (let bit = 0; bit < blob.length * 8; bit += type === 'ed25519' ? 1 : 11) {
      const bent = Buffer.from(blob);
      bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (judge(bent, ca.publicKey, terms).kind === 'valid') genuine.push(bit);
    }
    t.strictSame(genuine, []);
    t.end();
  });

t.test('certificates that are cut, stretched, mixed or made up are never genuine', t => {
  for (const { type, ca, blob } of certificates) {
    let read = 0;
    for (let round = 0; round < 2000; round++) {
      const bent = mutate(blob);
      if (bent.equals(blob)) continue;
      if (parseCertificate(bent).kind === 'parsed') read++;
      if (judge(bent, ca.publicKey, terms).kind === 'valid') t.fail(`genuine: ${bent.toString('hex')}`);
    }
    t.ok(read > 10, `${type}: ${read} were still well formed`);
  }
  t.end();
});

t.test('what is read from a bent KRL or key can be used and written', t => {
  const { key } = newPair();
  const [first] = certificates;
  if (first === undefined) throw new Error('no certificate');
  const certificate = valueOf(parseCertificate(first.blob));
  const section = {
    ca: encodePublicKey(first.ca.publicKey),
    serials: [
      { first: 3n, last: 9n },
      { first: 2n ** 40n, last: 2n ** 40n },
    ],
    bitmaps: [{ offset: 20n, bits: Buffer.of(0xa5, 0x5a) }],
    keyIds: new Set(['a', 'b']),
  };
  const digests = {
    sha1: new Set([nodeCrypto.hash('sha1', section.ca).toString('base64')]),
    sha256: new Set([sha256(section.ca)]),
  };
  const keys = new Set([encodePublicKey(key).toString('base64')]);
  const krl = encodeKrl({ ...emptyKrl, certificates: [section], keys, ...digests });
  let read = 0;
  for (let round = 0; round < 10_000; round++) {
    const found = parseKrl(mutate(krl));
    if (found.kind === 'malformed') continue;
    read++;
    isRevoked(found.value, certificate, nodeCrypto);
    const again = parseKrl(encodeKrl(found.value));
    if (again.kind === 'malformed') t.fail(`what was read is written as something that ${again.text}`);
  }
  t.ok(read > 100, `some of them are still well formed: ${read}`);
  for (let round = 0; round < 10_000; round++) {
    const blob = mutate(encodePublicKey(key));
    const found = parsePublicKey(blob);
    if (found.kind === 'parsed' && !encodePublicKey(found.value).equals(blob)) t.fail('a key is written otherwise');
    parseKeyLine(blob.toString('latin1'));
  }
  t.end();
});

/** One to four changes, each of a kind that breaks parsers. */
function mutate(bytes: Buffer): Buffer {
  let bent: Buffer = Buffer.from(bytes);
  for (let times = 1 + below(4); times > 0; times--) {
    const at = below(bent.length + 1);
    const length = below(40);
    switch (below(7)) {
      case 0:
        bent[at % Math.max(1, bent.length)] = below(256);
        break;
      case 1:
        bent = bent.subarray(0, at);
        break;
      case 2:
        bent = Buffer.concat([bent.subarray(0, at), noise(length), bent.subarray(at)]);
        break;
      case 3:
        bent = Buffer.concat([bent.subarray(0, at), bent.subarray(at + length)]);
        break;
      case 4: // a length, perhaps
        if (at + 4 <= bent.length) bent.writeUInt32BE([0, 1, below(64), 0x7fff_ffff, 0xffff_ffff][below(5)] ?? 0, at);
        break;
      case 5:
        bent = Buffer.concat([bent.subarray(0, at), bent.subarray(below(at + 1), at), bent.subarray(at)]);
        break;
      default:
        bent = below(20) === 0 ? noise(below(400)) : bent;
    }
  }
  return bent;
}
