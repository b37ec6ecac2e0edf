/** A real sshd takes our user certificates, and refuses each wrong one; the same verdict as checkCertificate() has. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { optionValue } from '../../src/ssh/cert-options.ts';
import type { CertificateFields } from '../../src/ssh/certificate.ts';
import { publicKeyLine } from '../../src/ssh/key-line.ts';
import { emptyKrl, type Krl } from '../../src/ssh/krl.ts';
import { encodeKrl } from '../../src/ssh/krl-write.ts';
import { encodePublicKey } from '../../src/ssh/public-key.ts';
import { run } from '../helpers/e2e/background.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { type Sshd, startSshd } from '../helpers/e2e/sshd.ts';
import { addUser } from '../helpers/e2e/users.ts';
import { certify, judge, newCa, sha256, writeCertificate } from '../ssh/authority.ts';
import { folder, makeKey, softTypes } from '../ssh/openssh.ts';

privateHost(t);

const here = folder();
const cas = softTypes.map(type => newCa(type));
const [ca = newCa()] = cas; // ed25519
const seconds = BigInt(Math.floor(Date.now() / 1000));
const user = makeKey(join(here, 'user'));
const revokedKey = makeKey(join(here, 'revoked'));
const otherCa = newCa();
const krl: Krl = {
  ...emptyKrl,
  certificates: [
    {
      ca: encodePublicKey(ca.publicKey),
      serials: [
        { first: 666n, last: 699n },
        { first: 1000n, last: 1000n },
      ],
      bitmaps: [],
      keyIds: new Set(['trasa:mallory@example.com']),
    },
  ],
  sha256: new Set([sha256(encodePublicKey(revokedKey.key))]),
};

t.test('user certificates', async t => {
  addUser({ name: 'alice' });
  const trusted = '/etc/user-cas.pub';
  writeFileSync(trusted, cas.map(({ publicKey }) => `${publicKeyLine(publicKey)}\n`).join(''));
  writeFileSync('/etc/revoked.krl', encodeKrl(krl));
  const sshd = await startSshd({
    forceCommand: '',
    extraConfig: `TrustedUserCAKeys ${trusted}\nRevokedKeys /etc/revoked.krl`,
  });
  t.teardown(async () => await sshd.stop());

  for (const [i, type] of softTypes.entries())
    t.test(`sshd lets in whom our CA of ${type} certifies`, async t => {
      const signer = cas[i] ?? ca;
      for (const keyType of type === 'ed25519' ? softTypes : (['ed25519'] as const)) {
        const { path, key } = makeKey(join(here, `${type}-${keyType}`), keyType);
        const blob = certify(signer, { ...fresh(), key });
        writeCertificate(`${path}-cert.pub`, key, blob);
        t.match(await login(sshd, path), { status: 0, stdout: 'alice\n' }, keyType);
        t.equal(judge(blob, signer.publicKey, { ...terms, now: Date.now() }).kind, 'valid');
      }
    });

  const rows: [string, Partial<CertificateFields>][] = [
    ['the address of the client', { criticalOptions: new Map([['source-address', optionValue('127.0.0.0/8,::1')]]) }],
    ['several principals', { principals: ['bob', 'alice'] }],
    ['an extension that nobody knows', { extensions: new Map([['x@example.com', optionValue('y')]]) }],
    ['a serial next to those that are revoked', { serial: 700n }],
    ['no end', { validAfter: 0n, validBefore: 2n ** 64n - 1n }],
  ];
  for (const [what, fields] of rows)
    t.test(`sshd lets in with ${what}`, async t => {
      const blob = certify(ca, { ...fresh(), key: user.key, ...fields });
      await bothSay(t, sshd, blob, true);
    });

  const wrong: [string, Partial<CertificateFields>][] = [
    ['a certificate that has expired', { validAfter: seconds - 600n, validBefore: seconds - 300n }],
    ['a certificate that is not valid yet', { validAfter: seconds + 3600n, validBefore: seconds + 7200n }],
    ['a certificate for another account', { principals: ['bob'] }],
    ['a certificate for nobody', { principals: [] }],
    ['another source address', { criticalOptions: new Map([['source-address', optionValue('192.0.2.0/24')]]) }],
    ['an unknown critical option', { criticalOptions: new Map([['only-on-sundays@example.com', optionValue('')]]) }],
    ['a certificate of a host', { type: 'host' }],
    ['a revoked serial', { serial: 666n }],
    ['another revoked serial', { serial: 1000n }],
    ['a revoked key id', { keyId: 'trasa:mallory@example.com' }],
  ];
  for (const [what, fields] of wrong)
    t.test(`sshd refuses ${what}`, async t => {
      await bothSay(t, sshd, certify(ca, { ...fresh(), key: user.key, ...fields }), false);
    });

  t.test('sshd refuses a certificate by another CA', async t => {
    await bothSay(t, sshd, certify(otherCa, { ...fresh(), key: user.key }), false);
  });

  t.test('sshd refuses a certificate of a revoked key', async t => {
    const blob = certify(ca, { ...fresh(), key: revokedKey.key });
    writeCertificate(`${revokedKey.path}-cert.pub`, revokedKey.key, blob);
    t.match(await login(sshd, revokedKey.path), { status: 255 });
    t.match(judge(blob, ca.publicKey, { ...terms, now: Date.now() }), { kind: 'invalid', reason: 'revoked' });
  });

  t.test('sshd refuses a certificate with one bit turned', async t => {
    const blob = certify(ca, { ...fresh(), key: user.key });
    for (const at of [blob.indexOf('alice'), blob.length - 1]) {
      const bent = Buffer.from(blob);
      bent[at] = (bent[at] ?? 0) ^ 1;
      await bothSay(t, sshd, bent, false);
    }
  });

  t.test('sshd runs the forced command, whatever the client asks for', async t => {
    const criticalOptions = new Map([['force-command', optionValue('echo forced')]]);
    const blob = certify(ca, { ...fresh(), key: user.key, criticalOptions });
    writeCertificate(`${user.path}-cert.pub`, user.key, blob);
    t.match(await login(sshd, user.path), { status: 0, stdout: 'forced\n' });
    t.match(judge(blob, ca.publicKey, { ...terms, now: Date.now() }), { kind: 'valid', forceCommand: 'echo forced' });
  });
});

const terms = { principal: 'alice', address: '127.0.0.1', honours: ['force-command'], revoked: [krl] } as const;

function fresh(): Partial<CertificateFields> {
  return { validAfter: seconds - 60n, validBefore: seconds + 600n, keyId: 'trasa:alice@example.com:web1:test' };
}

async function bothSay(t: Test, sshd: Sshd, blob: Buffer, isValid: boolean): Promise<void> {
  writeCertificate(`${user.path}-cert.pub`, user.key, blob);
  const { status, stderr } = await login(sshd, user.path);
  t.equal(status, isValid ? 0 : 255, stderr);
  const verdict = judge(blob, ca.publicKey, { ...terms, now: Date.now() });
  t.equal(verdict.kind, isValid ? 'valid' : 'invalid', JSON.stringify(verdict.kind === 'invalid' ? verdict.text : ''));
}

/** With this key and the certificate beside it, and nothing else. */
async function login(sshd: Sshd, path: string): Promise<Awaited<ReturnType<typeof run>>> {
  const flags = ['-o', `IdentityFile=${path}`, '-o', 'PreferredAuthentications=publickey', '-o', 'BatchMode=yes'];
  return await run(['ssh', ...flags, '-F', sshd.configFile, 'alice@target', 'id -un']);
}
