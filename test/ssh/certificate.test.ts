/** Certificates: ours as OpenSSH reads them, OpenSSH's as we do. */
import { join } from 'node:path';
import t from 'tap';
import { nodeCrypto } from '../../src/ca/node-crypto.ts';
import { optionValue, valueOfOption } from '../../src/ssh/cert-options.ts';
import { always, type CertificateFields, parseCertificate } from '../../src/ssh/certificate.ts';
import { fingerprint } from '../../src/ssh/fingerprint.ts';
import { signCertificate } from '../../src/ssh/sign-certificate.ts';
import { maxUint64 } from '../../src/ssh/wire.ts';
import {
  allOptions,
  certify,
  judge,
  newCa,
  newPair,
  noon,
  noonSeconds,
  ordinary,
  sha256,
  writeCertificate,
} from './authority.ts';
import {
  blobIn,
  describe,
  folder,
  keygen,
  keyIn,
  makeKey,
  securityKeys,
  softTypes,
  valueOf,
  writePublicKey,
} from './openssh.ts';

const here = folder();
const cas = Object.fromEntries(softTypes.map(type => [type, newCa(type)]));
const ca = newCa();

for (const key of [...softTypes.map(type => newPair(type).key), ...securityKeys])
  for (const [caType, signer] of Object.entries(cas))
    t.test(`ssh-keygen -L agrees about our certificate of a ${key.type}, signed by ${caType}`, t => {
      const fields = { ...ordinary, ...allOptions, key, serial: maxUint64, principals: ['alice', 'deploy', 'älice ö'] };
      const file = writeCertificate(join(here, 'ours-cert.pub'), key, certify(signer, fields));
      t.strictSame(describe(file), {
        type: `${key.type.replace('@openssh.com', '')}-cert-v01@openssh.com user certificate`,
        keyFingerprint: fingerprint(key, sha256),
        caFingerprint: fingerprint(signer.publicKey, sha256),
        algorithm: signer.publicKey.type === 'ssh-rsa' ? 'rsa-sha2-512' : signer.publicKey.type,
        keyId: `"${ordinary.keyId}"`,
        serial: '18446744073709551615',
        valid: 'from 2026-06-15T12:00:00 to 2026-06-15T12:05:00',
        principals: ['alice', 'deploy', 'älice ö'],
        criticalOptions: [
          'force-command /usr/bin/id -un',
          'source-address 10.0.0.0/8,2001:db8::/32',
          'verify-required',
        ],
        extensions: [
          'permit-X11-forwarding',
          'permit-agent-forwarding',
          'permit-port-forwarding',
          'permit-pty',
          'permit-user-rc',
          'trasa-device-id@example.com UNKNOWN OPTION: 0000000430383135 (len 8)',
        ],
      });
      t.end();
    });

t.test('ssh-keygen -L agrees about a host certificate that is valid always', t => {
  const { key } = newPair();
  const fields = { ...always, key, type: 'host', serial: 0n, principals: ['web1.example.com', '10.0.0.5'] } as const;
  const file = writeCertificate(join(here, 'host-cert.pub'), key, certify(ca, { ...fields, extensions: new Map() }));
  t.match(describe(file), {
    type: 'ssh-ed25519-cert-v01@openssh.com host certificate',
    serial: '0',
    valid: 'forever',
    principals: ['web1.example.com', '10.0.0.5'],
    criticalOptions: [],
    extensions: [],
  });
  t.end();
});

for (const caType of softTypes) {
  const signer = makeKey(join(here, `ca-${caType}`), caType);
  t.test(`certificates by ssh-keygen -s with a CA of ${caType} are read field by field, and verified`, t => {
    const files = softTypes.map(type => `${makeKey(join(here, `${caType}-signs-${type}`), type).path}.pub`);
    for (const [i, key] of securityKeys.entries())
      files.push(writePublicKey(join(here, `${caType}-signs-sk-${i}.pub`), key));
    const options = ['clear', 'force-command=/bin/date', 'source-address=192.0.2.0/24,::1/128', 'verify-required'];
    options.push('permit-pty', 'permit-port-forwarding', 'extension:who@example.com=alice', 'no-touch-required');
    const flags = options.flatMap(option => ['-O', option]);
    const common = [
      '-q',
      '-s',
      signer.path,
      '-I',
      'by ssh-keygen',
      '-z',
      '42',
      '-V',
      '20260615115900Z:20260615120500Z',
    ];
    keygen(...common, '-n', 'alice,bob', ...flags, ...files);
    for (const file of files) {
      const blob = blobIn(file.replace(/\.pub$/, '-cert.pub'));
      const certificate = valueOf(parseCertificate(blob));
      t.strictSame(certificate.key, keyIn(file));
      t.strictSame(certificate.caKey, signer.key);
      t.match(certificate, { type: 'user', serial: 42n, keyId: 'by ssh-keygen', principals: ['alice', 'bob'] });
      t.strictSame([certificate.validAfter, certificate.validBefore], [noonSeconds - 60n, noonSeconds + 300n]);
      t.strictSame(
        [...certificate.criticalOptions].map(([name, data]) => [name, valueOfOption(data) ?? '']),
        [
          ['force-command', '/bin/date'],
          ['source-address', '192.0.2.0/24,::1/128'],
          ['verify-required', ''],
        ],
      );
      t.strictSame(
        [...certificate.extensions.keys()],
        ['no-touch-required', 'permit-port-forwarding', 'permit-pty', 'who@example.com'],
      );
      const honours = ['force-command', 'verify-required'] as const;
      t.match(judge(blob, signer.key, { address: '192.0.2.77', honours }), {
        kind: 'valid',
        forceCommand: '/bin/date',
        verifyRequired: true,
      });
    }
    t.end();
  });
}

t.test('a certificate by ssh-keygen for a host, for always and for any principal is read too', t => {
  const { path, key } = makeKey(join(here, 'plain-ca'));
  const host = `${makeKey(join(here, 'host')).path}.pub`;
  keygen('-q', '-s', path, '-h', '-I', 'host', host);
  const blob = blobIn(host.replace(/\.pub$/, '-cert.pub'));
  t.match(parseCertificate(blob), { value: { type: 'host', principals: [], ...always, serial: 0n } });
  t.match(
    judge(blob, key, { type: 'host', principal: 'web1' }),
    { reason: 'wrong-principal' },
    'but it counts for nobody',
  );
  t.end();
});

t.test('a certificate by RSA with SHA-256 is good, by SHA-1 it is not', t => {
  const { path, key } = makeKey(join(here, 'rsa-ca'), 'rsa-2048');
  const file = `${makeKey(join(here, 'by-rsa')).path}.pub`;
  for (const [algorithm, kind] of [
    ['rsa-sha2-256', 'valid'],
    ['ssh-rsa', 'invalid'],
  ] as const) {
    keygen('-q', '-t', algorithm, '-s', path, '-I', 'x', '-n', 'alice', file);
    const verdict = judge(blobIn(file.replace(/\.pub$/, '-cert.pub')), key, { now: Date.now() });
    t.equal(verdict.kind, kind, algorithm);
    if (verdict.kind === 'invalid') t.equal(verdict.reason, 'bad-signature');
  }
  t.end();
});

t.test('what we sign we read as it was', t => {
  const { key } = newPair('ecdsa-521');
  const fields: CertificateFields = { ...ordinary, ...allOptions, key, principals: [], ...always };
  const { nonce, caKey, signed, signature, criticalOptions, extensions, ...read } = valueOf(
    parseCertificate(certify(ca, fields)),
  );
  const { criticalOptions: critical, extensions: more, ...rest } = fields;
  t.strictSame(read, rest);
  t.strictSame([...criticalOptions], sorted(critical));
  t.strictSame([...extensions], sorted(more));
  t.equal(nonce.length, 32);
  t.strictSame(caKey, ca.publicKey);
  t.ok(signed.length > 200);
  t.ok(signature.length > 64);
  t.end();
});

t.test('fields that are none are not signed, and say why', async t => {
  const { key } = newPair();
  const cases: [string, Partial<CertificateFields>, RegExp][] = [
    ['a comma', { principals: ['alice,root'] }, /principal that is none: "alice,root"/],
    ['no name', { principals: [''] }, /principal/],
    ['a line feed', { principals: ['alice\nroot'] }, /principal/],
    ['a NUL', { principals: ['alice\0'] }, /principal/],
    ['a direction override', { principals: ['\u202Eecila'] }, /principal/],
    ['half a surrogate', { principals: ['\uD800'] }, /principal/],
    ['a long principal', { principals: ['a'.repeat(257)] }, /principal/],
    ['257 principals', { principals: Array.from({ length: 257 }, (_, i) => `a${i}`) }, /more than 256/],
    ['a key id of two lines', { keyId: 'a\nb' }, /key id/],
    ['a long key id', { keyId: 'a'.repeat(1025) }, /key id/],
    ['a negative serial', { serial: -1n }, /serial/],
    ['a serial of 65 bits', { serial: maxUint64 + 1n }, /serial/],
    ['an end before the start', { validAfter: 2n, validBefore: 1n }, /never valid/],
    ['no time', { validAfter: 2n, validBefore: 2n }, /never valid/],
    ['an option with a blank', { criticalOptions: new Map([['a b', optionValue('')]]) }, /option/],
    ['an extension without a name', { extensions: new Map([['', optionValue('')]]) }, /option/],
    ['a short key', { key: { type: 'ssh-ed25519', point: Buffer.alloc(31) } }, /certifies a key that has a point/],
  ];
  for (const [what, fields, expected] of cases)
    t.match(
      await signCertificate({ ...ordinary, key, ...fields }, Buffer.alloc(32), ca, nodeCrypto),
      { kind: 'malformed', text: expected },
      what,
    );
  const [securityKey] = securityKeys;
  const signer = { publicKey: securityKey ?? ca.publicKey, sign: async () => await Promise.resolve(Buffer.alloc(64)) };
  t.match(await signCertificate({ ...ordinary, key }, Buffer.alloc(32), signer, nodeCrypto), { text: /can be no CA/ });
  t.equal(judge(certify(ca, { key }), ca.publicKey, { now: noon }).kind, 'valid', 'while an ordinary one is');
  const signed = valueOf(await signCertificate({ ...ordinary, key }, Buffer.alloc(32), ca, nodeCrypto));
  t.equal(judge(signed, ca.publicKey).kind, 'valid');
  const liar = { publicKey: ca.publicKey, sign: newCa().sign };
  t.match(await signCertificate({ ...ordinary, key }, Buffer.alloc(32), liar, nodeCrypto), { text: /not its CA's/ });
});

function sorted(options: ReadonlyMap<string, Buffer>): [string, Buffer][] {
  return [...options].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
