/** The User CA as a running proxy has it: rotated beside it, and what was revoked of whichever CA. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Authority, openAuthority } from '../../src/ca/authority.ts';
import { signHostKey } from '../../src/ca/host-certificate.ts';
import { fingerprintOf } from '../../src/ca/issue.ts';
import { nodeCrypto } from '../../src/ca/node-crypto.ts';
import { revocationOfKeyId, revocationOfSerial } from '../../src/ca/revocation.ts';
import { finishRotation, startRotation } from '../../src/ca/rotation.ts';
import { standardConfig } from '../../src/config/standard-config.ts';
import { Secret } from '../../src/otp/secret.ts';
import { usualGrant } from '../../src/policy/grant.ts';
import { openCertifier } from '../../src/proxy/certifier.ts';
import { type Certificate, type CertType, parseCertificate } from '../../src/ssh/certificate.ts';
import { isRevoked } from '../../src/ssh/krl.ts';
import { cost, issuerOf, newAuthority, passphrase, valueOf } from '../ca/ca.ts';
import { proxyService } from '../helpers/proxy-service.ts';
import { newPair, noon } from '../ssh/authority.ts';
import { valueOf as read } from '../ssh/openssh.ts';

const passage = {
  id: '01J00000000000000000000000',
  person: 'alice@example.com',
  account: 'alice',
  service: proxyService,
  grant: usualGrant(false),
};

t.test('another User CA signs soon after a rotation, without a restart; one that does not open does not', async t => {
  const { certifier, directory, said, pass } = await opened(t);
  const old = certifier.userCA;
  t.equal(await signer(), fingerprintOf(old));
  const next = await rotate(directory, 'user', passphrase);
  t.equal(await signer(), fingerprintOf(old), 'what the disk says is believed for seconds');
  pass(6_000);
  t.equal(await signer(), next);
  t.equal(fingerprintOf(certifier.userCA), next, 'and is what people’s own certificates are to be by');
  t.match(said, [/^another User CA signs/]);

  await rotate(directory, 'user', new Secret('another passphrase, which the proxy has not'));
  for (let i = 0; i < 3; i++) {
    pass(6_000);
    t.equal(await signer(), next);
  }
  t.match(said.slice(1), [/^the CA goes on as it was: .* does not open: .*the passphrase is wrong/]);
  t.equal(said.length, 2, 'said once');

  async function signer(): Promise<string> {
    const issued = await certifier.issue(passage, '192.0.2.1', 'session');
    if (typeof issued === 'string') throw new Error(issued);
    return fingerprintOf(certificateIn(issued.blob).caKey);
  }
});

t.test('what a CA has revoked that was made meanwhile is revoked here, too', async t => {
  const { certifier, directory, pass } = await opened(t);
  t.strictSame(certifier.revoked()[0]?.certificates, []);
  await rotate(directory, 'host', passphrase);
  const authority = valueOf(openAuthority(directory));
  t.teardown(() => authority.close());
  const [one, other] = [await hostCertificate(authority, 'web1'), await hostCertificate(authority, 'web2')];
  authority.issues.revoke(valueOf(revocationOfSerial(authority, String(one.serial))), '', noon);
  authority.issues.revoke(valueOf(revocationOfKeyId('web2')), '', noon);
  pass(6_000);
  for (const certificate of [one, other])
    t.ok(
      certifier.revoked().some(krl => isRevoked(krl, certificate, nodeCrypto)),
      certificate.keyId,
    );
});

async function opened(t: Pick<Test, 'teardown'>) {
  const authority = await newAuthority();
  const { directory } = authority;
  authority.close();
  const file = join(directory, 'passphrase');
  writeFileSync(file, `${passphrase.expose()}\n`, { mode: 0o600 });
  let now = noon;
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const settings = { ...standardConfig().proxy, caDirectory: directory, caPassphraseFile: file };
  const certifier = await openCertifier(settings, () => now, { info: say, error: say });
  if (typeof certifier === 'string' || 'final' in certifier) throw new Error(JSON.stringify(certifier));
  t.teardown(async () => await certifier.close());
  const pass = (ms: number): void => void (now += ms);
  return { certifier, directory, said, pass };
}

/** @returns the fingerprint of the new one */
async function rotate(directory: string, type: CertType, secret: Secret): Promise<string> {
  const before = valueOf(openAuthority(directory));
  valueOf(await startRotation(before, type, 'ed25519', secret, cost));
  before.close();
  const started = valueOf(openAuthority(directory));
  const { signs } = valueOf(finishRotation(started, type, noon));
  started.close();
  return fingerprintOf(signs);
}

async function hostCertificate(authority: Authority, name: string): Promise<Certificate> {
  const issuer = await issuerOf(authority, 'host');
  return certificateIn(valueOf(await signHostKey(issuer, newPair().key, [name], 3600, noon)).certificate);
}

function certificateIn(blob: Buffer): Certificate {
  return read(parseCertificate(blob));
}
