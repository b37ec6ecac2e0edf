/** A real ssh client with an @cert-authority line takes hosts with our certificates unasked, and refuses each wrong one. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { optionValue } from '../../src/ssh/cert-options.ts';
import type { CertificateFields } from '../../src/ssh/certificate.ts';
import { publicKeyLine } from '../../src/ssh/key-line.ts';
import { emptyKrl } from '../../src/ssh/krl.ts';
import { encodeKrl } from '../../src/ssh/krl-write.ts';
import { encodePublicKey } from '../../src/ssh/public-key.ts';
import { type Finished, run } from '../helpers/e2e/background.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { type Sshd, startSshd } from '../helpers/e2e/sshd.ts';
import { addUser, authorize } from '../helpers/e2e/users.ts';
import { certify, judge, newCa, writeCertificate } from '../ssh/authority.ts';
import { folder, makeKey, softTypes } from '../ssh/openssh.ts';

privateHost(t);

const here = folder();
const ca = newCa();
const seconds = BigInt(Math.floor(Date.now() / 1000));
const alice = addUser({ name: 'alice' });
const host = makeKey('/etc/ssh/test_host_key');
const name = 'web1.example.com';

for (const type of softTypes)
  t.test(`ssh connects without a question to a host whose key is ${type}, certified by our CA of ${type}`, async t => {
    const signer = newCa(type);
    const { path, key } = makeKey(join(here, `host-${type}`), type);
    const blob = certify(signer, { ...fresh(), key });
    const { status, stderr } = await connect(path, writeCertificate(`${path}-cert.pub`, key, blob), signer);
    t.equal(status, 0, stderr);
    t.equal(stderr, '');
    t.equal(judge(blob, signer.publicKey, { ...terms, now: Date.now() }).kind, 'valid');
  });

const wrong: [string, Partial<CertificateFields>][] = [
  ['that has expired', { validAfter: seconds - 600n, validBefore: seconds - 300n }],
  ['that is not valid yet', { validAfter: seconds + 3600n, validBefore: seconds + 7200n }],
  ['of another host', { principals: ['web2.example.com'] }],
  ['of a user', { type: 'user' }],
  ['with a critical option', { criticalOptions: new Map([['force-command', optionValue('id')]]) }],
];
for (const [what, fields] of wrong)
  t.test(`ssh refuses a host with a certificate ${what}`, async t => {
    const blob = certify(ca, { ...fresh(), key: host.key, ...fields });
    writeCertificate(`${host.path}-cert.pub`, host.key, blob);
    await refused(t, blob, await connect(host.path, `${host.path}-cert.pub`, ca));
  });

t.test('ssh refuses a host with a certificate by another CA', async t => {
  const blob = certify(newCa(), { ...fresh(), key: host.key });
  writeCertificate(`${host.path}-cert.pub`, host.key, blob);
  await refused(t, blob, await connect(host.path, `${host.path}-cert.pub`, ca));
});

t.test('ssh refuses a host with a certificate that is revoked, by serial or by key', async t => {
  const blob = certify(ca, { ...fresh(), key: host.key, serial: 666n });
  writeCertificate(`${host.path}-cert.pub`, host.key, blob);
  const certificates = [
    {
      ca: encodePublicKey(ca.publicKey),
      serials: [{ first: 666n, last: 666n }],
      bitmaps: [],
      keyIds: new Set<string>(),
    },
  ];
  for (const krl of [
    { ...emptyKrl, certificates },
    { ...emptyKrl, keys: new Set([encodePublicKey(host.key).toString('base64')]) },
  ]) {
    writeFileSync('/etc/hosts.krl', encodeKrl(krl));
    const ended = await connect(host.path, `${host.path}-cert.pub`, ca, ['-o', 'RevokedHostKeys=/etc/hosts.krl']);
    t.equal(ended.status, 255, ended.stderr);
    t.match(judge(blob, ca.publicKey, { ...terms, now: Date.now(), revoked: [krl] }), { reason: 'revoked' });
  }
  t.equal((await connect(host.path, `${host.path}-cert.pub`, ca)).status, 0, 'and takes it otherwise');
});

t.test('ssh refuses a host with a certificate of which one bit is turned', async t => {
  const blob = certify(ca, { ...fresh(), key: host.key });
  const at = blob.indexOf(name);
  blob[at] = (blob[at] ?? 0) ^ 1;
  writeCertificate(`${host.path}-cert.pub`, host.key, blob);
  await refused(t, blob, await connect(host.path, `${host.path}-cert.pub`, ca));
});

const terms = { type: 'host', principal: name } as const;

function fresh(): Partial<CertificateFields> {
  const time = { validAfter: seconds - 60n, validBefore: seconds + 600n };
  return { ...time, type: 'host', keyId: name, principals: [name, '127.0.0.1'], extensions: new Map() };
}

async function refused(t: Test, blob: Buffer, { status, stderr }: Finished): Promise<void> {
  t.equal(status, 255);
  t.match(stderr, /Host key verification failed|incorrect signature|key exchange|invalid|no hostkey/i);
  t.equal(judge(blob, ca.publicKey, { ...terms, now: Date.now() }).kind, 'invalid');
}

/** Strictly: of the host nothing is known but the CA. */
async function connect(
  keyFile: string,
  certificateFile: string,
  { publicKey }: typeof ca,
  flags: readonly string[] = [],
): Promise<Finished> {
  // The first HostKey of its kind wins: sshd has no other of this type.
  const sshd: Sshd = await startSshd({
    forceCommand: '',
    extraConfig: `HostKey ${keyFile}\nHostCertificate ${certificateFile}`,
  });
  try {
    authorize(alice, sshd.publicKey);
    const knownHosts = join(here, 'known_hosts');
    writeFileSync(knownHosts, `@cert-authority *.example.com,[*.example.com]:* ${publicKeyLine(publicKey)}\n`);
    const config = readFileSync(sshd.configFile, 'utf8').replace(
      /UserKnownHostsFile .*/,
      `UserKnownHostsFile ${knownHosts}`,
    );
    writeFileSync(sshd.configFile, config);
    const as = ['-o', `HostKeyAlias=${name}`, '-o', 'BatchMode=yes', ...flags];
    return await run(['ssh', ...as, '-F', sshd.configFile, 'alice@target', 'true']);
  } finally {
    await sshd.stop();
  }
}
