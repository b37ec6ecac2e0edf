/** KRLs: ours as ssh-keygen -Q takes them, those of ssh-keygen -k as we do. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { nodeCrypto } from '../../src/ca/node-crypto.ts';
import { type Certificate, parseCertificate } from '../../src/ssh/certificate.ts';
import { publicKeyLine } from '../../src/ssh/key-line.ts';
import { emptyKrl, isRevoked, type Krl, type RevokedCertificates } from '../../src/ssh/krl.ts';
import { parseKrl } from '../../src/ssh/krl-read.ts';
import { encodeKrl } from '../../src/ssh/krl-write.ts';
import { encodePublicKey, type PublicKey } from '../../src/ssh/public-key.ts';
import { byte, maxUint64, mpint, string, uint32, uint64 } from '../../src/ssh/wire.ts';
import { certify, newCa, newPair, sha256, writeCertificate } from './authority.ts';
import { folder, keygen, revokedBy, valueOf, writePublicKey } from './openssh.ts';

const here = folder();
const ca = newCa();
const otherCa = newCa();
const caFile = writePublicKey(join(here, 'ca.pub'), ca.publicKey);
const caBlob = encodePublicKey(ca.publicKey);
const { key } = newPair();
const { key: otherKey } = newPair('ecdsa-256');
const serials = [1n, 2n, 3n, 9n, 10n, 100n, 1000n, 2n ** 63n, maxUint64 - 1n, maxUint64];
const sample = makeSample();
const section: RevokedCertificates = { ca: caBlob, serials: [], bitmaps: [], keyIds: new Set() };

const lists: Readonly<Record<string, Partial<Krl>>> = {
  nothing: {},
  'single serials': { certificates: [{ ...section, serials: [one(9n), one(2n), one(maxUint64)] }] },
  'serials that touch and overlap': {
    certificates: [{ ...section, serials: [{ first: 2n, last: 9n }, one(10n), one(3n), { first: 1n, last: 2n }] }],
  },
  'a wide range': { certificates: [{ ...section, serials: [{ first: 11n, last: maxUint64 - 1n }] }] },
  'a bitmap': { certificates: [{ ...section, bitmaps: [{ offset: 2n, bits: Buffer.of(0b1, 0b1000_0011) }] }] },
  'key ids': { certificates: [{ ...section, keyIds: new Set(['certificate 3', 'certificate 100', 'äöü']) }] },
  'serials of any CA': { certificates: [{ ...section, ca: undefined, serials: [one(1n)] }] },
  'serials of two CAs': {
    certificates: [
      { ...section, serials: [one(1n)] },
      { ...section, ca: encodePublicKey(otherCa.publicKey), serials: [one(2n)] },
    ],
  },
  'a key': { keys: new Set([encodePublicKey(otherKey).toString('base64')]) },
  'keys by fingerprint': { sha256: new Set([sha256(encodePublicKey(key)), sha256(Buffer.from('another'))]) },
  'a CA': { keys: new Set([encodePublicKey(otherCa.publicKey).toString('base64')]) },
  everything: {
    version: 3n,
    generatedAt: 1_781_524_800n,
    comment: 'äöü',
    certificates: [{ ...section, serials: [one(1n), { first: 9n, last: 100n }], keyIds: new Set(['certificate 2']) }],
    keys: new Set([encodePublicKey(otherKey).toString('base64')]),
    sha1: new Set([nodeCrypto.hash('sha1', encodePublicKey(key)).toString('base64')]),
    sha256: new Set([sha256(encodePublicKey(otherKey))]),
  },
};

for (const [what, fields] of Object.entries(lists))
  t.test(`ssh-keygen -Q and we agree on our KRL with ${what}`, t => {
    const krl = { ...emptyKrl, ...fields };
    const bytes = encodeKrl(krl);
    const file = join(here, 'ours.krl');
    writeFileSync(file, bytes);
    agree(t, file, krl);
    const read = valueOf(parseKrl(bytes));
    for (const { file: name, value } of sample)
      t.equal(isRevoked(read, value, nodeCrypto), isRevoked(krl, value, nodeCrypto), name);
    t.strictSame(encodeKrl(read), bytes, 'what was read is written as it was');
    t.end();
  });

const specifications: Readonly<Record<string, string>> = {
  'single serials': 'serial: 9\nserial: 0x64\n',
  'a range': 'serial: 1-10\n',
  'scattered serials, which become a bitmap': serialLines([
    2, 9, 10, 13, 17, 22, 24, 31, 38, 41, 55, 57, 64, 70, 77, 100,
  ]),
  'key ids': 'id: certificate 3\nid: certificate 100\n',
  'a key by SHA-256': `sha256: ${publicKeyLine(key)}\n`,
  'a key by SHA-1': `sha1: ${publicKeyLine(otherKey)}\n`,
  'a key by its fingerprint': `hash: SHA256:${sha256(encodePublicKey(key)).replace('=', '')}\n`,
  'a key itself': `key: ${publicKeyLine(otherKey)}\n`,
};

for (const [what, specification] of Object.entries(specifications))
  t.test(`a KRL of ssh-keygen -k with ${what} is read as ssh-keygen -Q reads it`, t => {
    const [file, lines] = [join(here, 'theirs.krl'), join(here, 'specification')];
    writeFileSync(lines, specification);
    keygen('-q', '-k', '-f', file, '-s', caFile, '-z', '5', lines);
    const krl = valueOf(parseKrl(readFileSync(file)));
    t.equal(krl.version, 5n);
    t.ok(krl.generatedAt > 1_700_000_000n);
    if (what.endsWith('bitmap')) t.ok(krl.certificates.some(({ bitmaps }) => bitmaps.length > 0));
    agree(t, file, krl);
    const again = join(here, 'again.krl');
    writeFileSync(again, encodeKrl(krl));
    t.strictSame(listed(again), listed(file));
    t.end();
  });

t.test('a KRL that cannot be read whole is refused, with the reason', t => {
  const head = encodeKrl(emptyKrl);
  const certificates = (type: number, body: Buffer): Buffer =>
    part(1, Buffer.concat([string(caBlob), string(''), part(type, body)]));
  const rows: [string, Buffer, RegExp][] = [
    ['nothing', Buffer.alloc(0), /not a KRL/],
    ['text', Buffer.from('ssh-ed25519 AAAA'), /not a KRL/],
    ['another format', Buffer.concat([head.subarray(0, 8), uint32(2), head.subarray(12)]), /format 2/],
    ['a cut head', head.subarray(0, -1), /not a whole KRL/],
    ['a lone byte', Buffer.concat([head, byte(1)]), /damaged|not a whole/],
    ['an unknown section', Buffer.concat([head, part(6, Buffer.alloc(0))]), /not known \(6\)/],
    ['a signature', Buffer.concat([head, byte(4), string(caBlob), string('')]), /not known \(4\)/],
    [
      'a critical extension',
      Buffer.concat([head, part(255, Buffer.concat([string('x'), byte(1), string('')]))]),
      /critical/,
    ],
    ['a short digest', Buffer.concat([head, part(5, string(Buffer.alloc(31)))]), /damaged/],
    ['an empty key', Buffer.concat([head, part(2, string(''))]), /damaged/],
    ['the serial 0', Buffer.concat([head, certificates(0x20, uint64(0n))]), /damaged/],
    ['a range from 0', Buffer.concat([head, certificates(0x21, Buffer.concat([uint64(0n), uint64(9n)]))]), /damaged/],
    [
      'a range backwards',
      Buffer.concat([head, certificates(0x21, Buffer.concat([uint64(9n), uint64(1n)]))]),
      /damaged/,
    ],
    ['half a serial', Buffer.concat([head, certificates(0x20, uint32(1))]), /damaged/],
    [
      'a bitmap past the end',
      Buffer.concat([head, certificates(0x22, Buffer.concat([uint64(maxUint64), mpint(Buffer.of(1))]))]),
      /damaged/,
    ],
    ['an unknown part', Buffer.concat([head, certificates(0x24, uint64(1n))]), /not known \(36\)/],
  ];
  for (const [what, bytes, expected] of rows) t.match(parseKrl(bytes), { kind: 'malformed', text: expected }, what);
  const harmless = part(255, Buffer.concat([string('x'), byte(0), string('')]));
  t.match(parseKrl(Buffer.concat([head, harmless])), { kind: 'parsed' }, 'an extension that is not critical');
  t.end();
});

/** ssh-keygen -Q and isRevoked() say the same of each certificate and key of the sample. */
function agree(t: Test, file: string, krl: Krl): void {
  const revoked = revokedBy(
    file,
    sample.map(({ file: name }) => name),
  );
  for (const { file: name, value } of sample) t.equal(isRevoked(krl, value, nodeCrypto), revoked.get(name), name);
}

function makeSample(): { readonly file: string; readonly value: Certificate | PublicKey }[] {
  const certificates = serials.flatMap(serial =>
    [ca, otherCa].map((signer, i) => {
      const subject = serial === 1000n ? otherKey : newPair().key;
      const blob = certify(signer, { key: subject, serial, keyId: `certificate ${serial}` });
      const file = writeCertificate(join(here, `${serial}-${i}-cert.pub`), subject, blob);
      return { file, value: valueOf(parseCertificate(blob)) };
    }),
  );
  const keys = [key, otherKey].map((value, i) => ({ file: writePublicKey(join(here, `key-${i}.pub`), value), value }));
  return [...certificates, ...keys];
}

function one(serial: bigint): { readonly first: bigint; readonly last: bigint } {
  return { first: serial, last: serial };
}

function serialLines(numbers: readonly number[]): string {
  return numbers.map(number => `serial: ${number}\n`).join('');
}

/** What `ssh-keygen -Q -l` lists, but for the comments: they have the time in them. */
function listed(file: string): string[] {
  return keygen('-Q', '-l', '-f', file)
    .split('\n')
    .filter(line => !line.startsWith('#'));
}

function part(type: number, bytes: Buffer): Buffer {
  return Buffer.concat([byte(type), string(bytes)]);
}
