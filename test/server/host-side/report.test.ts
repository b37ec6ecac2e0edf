/** Hosts that say which CAs they trust, through a rotation of both. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Authority, openAuthority } from '../../../src/ca/authority.ts';
import { exportedKeys } from '../../../src/ca/exported-keys.ts';
import { readCertificate, readPublicKeys } from '../../../src/ca/files.ts';
import { signHostKey } from '../../../src/ca/host-certificate.ts';
import { certificateLine, fingerprintOf } from '../../../src/ca/issue.ts';
import { finishRotation, startRotation } from '../../../src/ca/rotation.ts';
import { hostStandings, missingHosts } from '../../../src/ca/rotation-standing.ts';
import { standingAsJson, standingAsTable } from '../../../src/ca/standing-list.ts';
import { renewAll } from '../../../src/server/host-side/renew-all.ts';
import { caPassphrase } from '../../../src/server/server-cas.ts';
import type { CertType } from '../../../src/ssh/certificate.ts';
import { cost, valueOf } from '../../ca/ca.ts';
import { newPair } from '../../ssh/authority.ts';
import { folder, makeKey } from '../../ssh/openssh.ts';
import { monday, type TestServer, testServer } from '../test-server.ts';

interface Host {
  /** As `ca trust` made it. */
  readonly userCaFile: string;
  readonly certificate: string;
  /** Lines that `ca renew` prints. */
  renew(): Promise<string[]>;
}

async function serverWithCas(t: Test): Promise<TestServer> {
  const server = await testServer(t);
  for (const name of ['user', 'host'] as const) valueOf(await server.state.cas.init(name));
  return server;
}

async function hostOf(server: TestServer, name: string): Promise<Host> {
  const here = folder();
  const { path, key } = makeKey(join(here, 'key'));
  const { cas } = server.state;
  const issued = await cas.issue(
    'host',
    async issuer => await signHostKey(issuer, key, [name], 30 * 86_400, server.time.now()),
  );
  const [certificate, userCaFile] = [`${path}-cert.pub`, join(here, 'user-ca.pub')];
  writeFileSync(certificate, certificateLine(key, valueOf(issued).certificate, ''));
  writeFileSync(userCaFile, exportedKeys(valueOf(cas.publicKeys('user', server.time.now())), 'user'));
  const plan = { files: [certificate], all: false, unit: 'ssh', userCaFile };
  return {
    userCaFile,
    certificate,
    renew: async () => {
      const said: string[] = [];
      const ports = {
        run: async () => await Promise.resolve({ kind: 'ran', status: 0, stdout: '', stderr: '' } as const),
        trustedCas: async () => await Promise.resolve({ kind: 'done', value: fingerprintsIn(userCaFile) } as const),
        say: (line: string) => void said.push(line),
        now: server.time.now,
      };
      valueOf(await renewAll({ ...plan, server: { url: server.url, pin: server.pin } }, ports));
      return said;
    },
  };
}

function fingerprintsIn(file: string): string[] {
  return existsSync(file) ? valueOf(readPublicKeys(file)).map(fingerprintOf) : [];
}

function withAuthority<T>({ state }: TestServer, work: (authority: Authority) => T): T {
  const authority = valueOf(openAuthority(join(state.directory, 'ca')));
  try {
    return work(authority);
  } finally {
    authority.close();
  }
}

async function start(server: TestServer, type: CertType): Promise<void> {
  const masterKey = Buffer.from(readFileSync(join(server.state.directory, 'master.key'), 'utf8'), 'base64');
  const authority = valueOf(openAuthority(join(server.state.directory, 'ca')));
  valueOf(await startRotation(authority, type, 'ed25519', caPassphrase(masterKey), cost));
  authority.close();
}

t.test('in a rotation of the User CA hosts take the next one over, and it is known who has not', async t => {
  const server = await serverWithCas(t);
  const [web1, web2] = [await hostOf(server, 'web1'), await hostOf(server, 'web2')];
  const silent = await hostOf(server, 'web3');
  const missing = (): string[] =>
    withAuthority(server, authority => missingHosts(authority, 'user', monday).map(({ name }) => name));
  t.match(await web1.renew(), [/not due yet/]);
  await web2.renew();
  t.strictSame(missing(), ['web3'], 'who has never said anything may trust it');
  await start(server, 'user');
  t.strictSame(missing(), ['web1', 'web2', 'web3']);
  t.match(await web1.renew(), [/user-ca\.pub: trusts the User CAs of the server, which have changed/, /not due yet/]);
  t.equal(fingerprintsIn(web1.userCaFile).length, 2);
  t.strictSame(missing(), ['web2', 'web3'], 'at once, not only tomorrow');
  t.match(
    withAuthority(server, authority => standingAsTable(authority, hostStandings(authority, monday), monday)).slice(2),
    [/^HOST /, /^web1 .*the new CA/, /^web2 .*an old CA only/, /^web3 .*unknown.*never$/],
  );
  await silent.renew();
  await web2.renew();
  t.strictSame(missing(), []);

  withAuthority(server, authority => valueOf(finishRotation(authority, 'user', monday)));
  t.match(await web1.renew(), [/which have changed/, /not due yet/], 'the old one has no certificate left');
  t.equal(fingerprintsIn(web1.userCaFile).length, 1);
});

t.test('after a rotation of the Host CA a certificate of the old one is due at once', async t => {
  const server = await serverWithCas(t);
  const host = await hostOf(server, 'web1');
  await start(server, 'host');
  withAuthority(server, authority => valueOf(finishRotation(authority, 'host', monday)));
  const by = (): string[] =>
    withAuthority(server, authority => hostStandings(authority, monday).map(one => one.certificateBy));
  t.strictSame(by(), ['old']);
  server.time.advance(1000); // the next certificate ends later than the present one
  t.match(await host.renew(), [/renewed until/]);
  t.strictSame(by(), ['new']);
  t.equal(valueOf(readCertificate(host.certificate)).certificate.serial, 2n);
  t.match(
    JSON.parse(withAuthority(server, authority => standingAsJson(authority, hostStandings(authority, monday), monday))),
    {
      host: { next: null, old: [/^SHA256:/] },
      hosts: [{ name: 'web1', certificateBy: 'new', seenAt: /^2026-11-23T/ }],
    },
  );
});

t.test('a host that trusts another User CA keeps it', async t => {
  const server = await serverWithCas(t);
  const host = await hostOf(server, 'web1');
  writeFileSync(host.userCaFile, exportedKeys([newPair().key], 'user'));
  const before = readFileSync(host.userCaFile, 'utf8');
  t.match(await host.renew(), [/none of its User CAs vouches for those of the server/, /not due yet/]);
  t.equal(readFileSync(host.userCaFile, 'utf8'), before);
  t.strictSame(
    withAuthority(server, authority => missingHosts(authority, 'user', monday)),
    [],
    'and a rotation does not concern it',
  );
});

t.test('what is revoked or has ended is no host any more', async t => {
  const server = await serverWithCas(t);
  await hostOf(server, 'web1');
  const standing = (now: number): number => withAuthority(server, authority => hostStandings(authority, now).length);
  t.equal(standing(monday), 1);
  t.equal(standing(monday + 31 * 86_400_000), 0);
  withAuthority(server, authority => authority.issues.revoke({ kind: 'key-id', keyId: 'web1' }, '', monday));
  t.equal(standing(monday), 0);
});
