import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openState } from '../../src/server/state/open-state.ts';
import { type Browser, signIn } from '../server/signed-in.ts';
import { type Alice, addAlice, type TestServer, testServer } from '../server/test-server.ts';
import { describe, folder, keygen, makeKey } from '../ssh/openssh.ts';

const base = '/api/v1/providers/ca/tsxca';
const initOf = (type: string) => `${base}/ssh/init/${type}`;
const made = { status: 'success', reason: 'CA successfully generated', intent: ' CA generated', data: [null, null] };

async function adminOf(t: Test): Promise<{ server: TestServer; admin: Browser; alice: Alice }> {
  const server = await testServer(t);
  const alice = await addAlice(server.state);
  server.state.people.setRole(alice.person.id, 'admin');
  return { server, admin: await signIn(server), alice };
}

t.test('the three CAs are made once, and then stay what they are', async t => {
  const { admin, server } = await adminOf(t);
  for (const type of ['user', 'host', 'system']) {
    t.same((await admin.post(initOf(type))).json, made, type);
    const before = (await admin.get(`${base}/ssh/${type}`)).body;
    t.match((await admin.post(initOf(type))).json, {
      status: 'failed',
      reason: `there is a ${type} CA already, and it stays`,
    });
    t.equal((await admin.get(`${base}/ssh/${type}`)).body, before);
  }
  t.match((await admin.post(initOf('http'))).json, { status: 'failed', reason: 'invalid request' });
  t.match((await admin.post(initOf('__proto__'))).json, { status: 'failed', reason: 'invalid request' });
  t.ok(server.log.some(line => /"person":"alice@example.com","detail":"made the user CA"/.test(line)));
});

t.test('twice at the same moment makes one', async t => {
  const { admin } = await adminOf(t);
  const replies = await Promise.all([admin.post(initOf('user')), admin.post(initOf('user'))]);
  t.equal(replies.filter(({ body }) => body.includes('success')).length, 1);
});

t.test('a public key is downloaded under TRASA’s names, as ssh-keygen reads it', async t => {
  const { admin } = await adminOf(t);
  t.match((await admin.get(`${base}/ssh/user`)).json, {
    status: 'failed',
    reason: 'failed to fetch data',
    intent: 'GetCADetail-GetCertDetail',
  });
  const fingerprints = new Set<string>();
  for (const type of ['user', 'host', 'system']) {
    await admin.post(initOf(type));
    const { headers, body, status } = await admin.get(`${base}/ssh/${type}`);
    t.equal(status, 200);
    t.match(headers, {
      'content-type': 'application/x-pem-file',
      'content-disposition': `attachment; filename=${type}-ca-cert.pem`,
      'cache-control': 'no-store',
    });
    const file = join(folder(), 'ca.pub');
    writeFileSync(file, body);
    fingerprints.add(keygen('-l', '-f', file).split(' ')[1] ?? '');
  }
  t.equal(fingerprints.size, 3, 'three different keys');
});

t.test('the list has TRASA’s fields', async t => {
  const { admin } = await adminOf(t);
  t.same((await admin.get(`${base}/all`)).json, {
    status: 'success',
    reason: 'CA created',
    intent: 'GetCADetail',
    data: [null],
  });
  for (const type of ['user', 'host']) await admin.post(initOf(type));
  t.match((await admin.get(`${base}/all`)).json, {
    data: [
      ['user', 'host'].map(entityID => ({
        certID: /^SHA256:/,
        orgID: '',
        entityID,
        certType: 'SSH_CA',
        createdAt: Number,
        lastUpdated: Number,
      })),
    ],
  });
});

t.test('server-certs.zip holds a host key and its certificate for the service’s host name', async t => {
  const { admin, server, alice } = await adminOf(t);
  const path = `/api/v1/services/hostcerts/download/${alice.serviceID}`;
  t.match((await admin.get(path)).json, { status: 'failed', reason: 'could not get CA key' }, 'before there is a CA');
  await admin.post(initOf('host'));
  const { headers, bytes } = await admin.get(path);
  t.match(headers, {
    'content-type': 'application/zip',
    'content-disposition': 'attachment; filename=server-certs.zip',
    'cache-control': 'no-store',
  });
  const files = unzip(bytes);
  const certificate = describe(join(files, 'id_rsa-cert.pub'));
  t.match(certificate, {
    type: 'ssh-rsa-cert-v01@openssh.com host certificate',
    keyId: `"${alice.serviceID}"`,
    principals: ['web1.example.com'],
    criticalOptions: [],
    extensions: [],
  });
  const [, from = '', to = ''] = /from (\S+) to (\S+)/.exec(certificate.valid) ?? [];
  t.equal((Date.parse(`${to}Z`) - Date.parse(`${from}Z`)) / 1000, 30 * 86_400 + 60, 'thirty days, and a minute before');
  t.equal(keygen('-y', '-f', join(files, 'id_rsa')).split(' ')[1], publicHalf(files), 'the two halves are one key');
  t.equal(statSync(join(files, 'id_rsa')).mode & 0o777, 0o600);
  t.notSame((await admin.get(path)).bytes, bytes, 'each has a key of its own');
  t.ok(server.log.some(line => /"service":"web1","detail":"serial 1"/.test(line)));
});

t.test('a port in the host name is left out, and a service without host name gets no certificate', async t => {
  const { admin, server } = await adminOf(t);
  await admin.post(initOf('host'));
  const cases: [string, string][] = [
    ['Web2.example.com:2222', 'web2.example.com'],
    ['[2001:db8::1]:22', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::1'],
  ];
  for (const [hostname, principal] of cases) {
    const id = server.state.services.add(hostname, hostname, false, 0)?.service.id;
    const { bytes } = await admin.get(`/api/v1/services/hostcerts/download/${id}`);
    t.same(describe(join(unzip(bytes), 'id_rsa-cert.pub')).principals, [principal], hostname);
  }
  const odd = server.state.services.add('odd', '_x-', false, 0)?.service.id;
  t.match((await admin.get(`/api/v1/services/hostcerts/download/${odd}`)).json, {
    reason: 'could not sign public key',
  });
  const nameless = server.state.services.add('nameless', '', false, 0)?.service.id;
  for (const id of [nameless, 'nope'])
    t.match((await admin.get(`/api/v1/services/hostcerts/download/${id}`)).json, {
      status: 'failed',
      reason: 'failed to get host principals',
    });
});

t.test('a host key is pinned and unpinned; what is none is refused', async t => {
  const { admin, server, alice } = await adminOf(t);
  const { serviceID } = alice;
  const update = async (certVal: string, id = serviceID) =>
    (await admin.post('/api/v1/services/hostcerts/update', { serviceID: id, certVal })).json;
  const pinned = () => server.state.services.byId(serviceID)?.hostKey;
  const { path } = makeKey(join(folder(), 'host'));
  const line = readFileSync(`${path}.pub`, 'utf8');
  t.same(await update(line), {
    status: 'success',
    reason: 'successfully updated host key',
    intent: 'UpdateAppCerts',
    data: null,
  });
  t.equal(pinned(), line.split(' ').slice(0, 2).join(' '));
  const reason = 'Invalid format. Make sure it is in ssh known hosts format';
  for (const bad of ['x', `${line}${line}`, `command="x" ${line}`, 'ssh-ed25519 AAAA'])
    t.match(await update(bad), { status: 'failed', reason }, bad);
  t.match(await update(line, 'nope'), { status: 'failed', reason: 'Could not update certs' });
  t.ok(pinned(), 'what was refused changes nothing');
  t.match(await update(''), { status: 'success' });
  t.equal(pinned(), undefined);
});

t.test('anybody who has logged in makes a key of their own, certified by the System CA for a day', async t => {
  const { admin, server, alice } = await adminOf(t);
  for (const type of ['user', 'system']) await admin.post(initOf(type));
  server.state.people.setRole(alice.person.id, 'user');
  const { headers, bytes } = await admin.post('/api/v1/my/generatekey');
  t.match(headers, { 'content-disposition': 'attachment; filename=id_rsa.zip', 'content-type': 'application/zip' });
  const files = unzip(bytes);
  const certificate = describe(join(files, 'id_rsa-cert.pub'));
  t.match(certificate, {
    type: 'ssh-rsa-cert-v01@openssh.com user certificate',
    keyId: '"trasa-key:alice@example.com"',
    principals: ['alice@example.com'],
    criticalOptions: [],
  });
  t.match(
    certificate.extensions.join(),
    /^permit-pty,trasa-device-id UNKNOWN OPTION: [0-9a-f]+ \(len 40\),trasa-user-/,
  );
  server.state.people.setRole(alice.person.id, 'admin');
  const system = await fingerprintOf(admin, 'system');
  t.equal(certificate.caFingerprint, system);
  t.not(certificate.caFingerprint, await fingerprintOf(admin, 'user'), 'no host lets it in');
  const [, from = '', to = ''] = /from (\S+) to (\S+)/.exec(certificate.valid) ?? [];
  t.equal((Date.parse(`${to}Z`) - Date.parse(`${from}Z`)) / 1000, 86_400 + 60);
  t.equal(keygen('-y', '-f', join(files, 'id_rsa')).split(' ')[1], publicHalf(files));
});

t.test('without a System CA there is no such key', async t => {
  const { admin } = await adminOf(t);
  t.match((await admin.post('/api/v1/my/generatekey')).json, {
    status: 'failed',
    reason: 'could not generate TempCertificate ForDeviceAgent',
  });
});

t.test('the CAs’ private keys open with the server’s master key, and with no other', async t => {
  const { admin, server } = await adminOf(t);
  await admin.post(initOf('user'));
  const { directory } = server.state;
  const key = readFileSync(join(directory, 'ca/ssh-user-ca.key'), 'utf8');
  t.match(JSON.parse(key), { sealed: String });
  const again = openState(directory);
  if (again.kind === 'broken') throw new Error(again.text);
  t.match(await again.state.cas.issue('user', async () => await Promise.resolve({ kind: 'done', value: 1 })), {
    kind: 'done',
  });
  again.state.close();
  const other = openState(join(folder(), 'other'));
  if (other.kind === 'broken') throw new Error(other.text);
  await other.state.cas.init('user');
  writeFileSync(join(other.state.directory, 'ca/ssh-user-ca.key'), key);
  t.match(await other.state.cas.issue('user', async () => await Promise.resolve({ kind: 'done', value: 1 })), {
    kind: 'config',
    text: /the passphrase is wrong/,
  });
  other.state.close();
});

function unzip(bytes: Buffer): string {
  const directory = folder();
  writeFileSync(join(directory, 'it.zip'), bytes);
  execFileSync('unzip', ['-q', '-o', 'it.zip'], { cwd: directory });
  return directory;
}

function publicHalf(files: string): string | undefined {
  return readFileSync(join(files, 'id_rsa.pub'), 'utf8').split(' ')[1];
}

async function fingerprintOf(admin: Browser, type: string): Promise<string> {
  const file = join(folder(), `${type}.pub`);
  writeFileSync(file, (await admin.get(`${base}/ssh/${type}`)).body);
  return keygen('-l', '-f', file).split(' ')[1] ?? '';
}
