import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { fingerprintOf } from '../../../src/ca/issue.ts';
import { Secret } from '../../../src/otp/secret.ts';
import { type GrantRequest, grantAccess, listAccess, revokeAccess } from '../../../src/server/admin/access.ts';
import { listDevices, removeDevice } from '../../../src/server/admin/devices.ts';
import { enrolPush } from '../../../src/server/admin/enrol-push.ts';
import { addGroup, joinGroup, leaveGroup, listGroups, removeGroup } from '../../../src/server/admin/groups.ts';
import { addKey, listKeys, removeKey } from '../../../src/server/admin/keys.ts';
import { addPerson, changePassword, enablePerson } from '../../../src/server/admin/people.ts';
import { addService, changeService, rotateServiceKey } from '../../../src/server/admin/services.ts';
import type { SessionRequest } from '../../../src/server/admin/session-terms.ts';
import { listVault, removeVault, setVault } from '../../../src/server/admin/vault.ts';
import { verifyPassword } from '../../../src/server/password.ts';
import type { VaultKind } from '../../../src/server/store/vault.ts';
import { publicKeyLine } from '../../../src/ssh/key-line.ts';
import { newPair } from '../../ssh/authority.ts';
import { folder, makeKey } from '../../ssh/openssh.ts';
import { addAlice, testState } from '../test-server.ts';

/** As yargs has it if nothing is typed. */
const usual: SessionRequest = {
  record: false,
  shell: undefined,
  allowCommand: [],
  fileTransfer: undefined,
  forwardTo: [],
  forwardFrom: [],
  forwardSockets: false,
  forwardAgent: false,
  forwardX11: false,
  jump: false,
  approval: 0,
  idleTimeout: 0,
  sessionTimeout: 0,
};

const failure = (text: RegExp) => ({ kind: 'failed', text });

t.test('a person is added once, under a name that is one', async t => {
  const state = testState(t);
  const add = async (email: string, username?: string, password?: string) =>
    await addPerson(state, email, username, password === undefined ? undefined : new Secret(password), 0);
  t.match(await add('Alice@Example.com', 'alice'), { kind: 'done', value: { email: 'alice@example.com' } });
  t.match(await add('ALICE@example.com'), failure(/taken/));
  t.match(await add('other@example.com', 'Alice'), failure(/taken/));
  t.match(await add('alice'), failure(/not an email/));
  t.match(await add('a b@example.com'), failure(/not an email/));
  t.match(await add('bob@example.com', 'bob@example.com'), failure(/not a username/));
  t.match(await add('bob@example.com', undefined, 'short'), failure(/8 to 1024/));
  t.equal(state.people.all().length, 1);
});

t.test('a password is changed, a person disabled and enabled', async t => {
  const state = testState(t);
  await addAlice(state);
  t.match(await changePassword(state, 'alice', new Secret('battery staple')), { kind: 'done' });
  t.ok(await verifyPassword(new Secret('battery staple'), state.people.find('alice')?.password));
  t.match(await changePassword(state, 'alice', new Secret('short')), failure(/8 to 1024/));
  t.match(await changePassword(state, 'bob', new Secret('battery staple')), failure(/nobody is known as bob/));
  enablePerson(state, 'alice', false);
  t.equal(state.people.find('alice')?.enabled, false);
  enablePerson(state, 'alice', true);
  t.equal(state.people.find('alice')?.enabled, true);
  t.match(enablePerson(state, 'bob', true), failure(/nobody/));
});

t.test('a service has a key that is shown once and works until it is rotated', async t => {
  const state = testState(t);
  const added = addService(state, 'web1', 'web1.example.com', false, 0);
  if (added.kind === 'failed') throw new Error(added.text);
  const { service, key } = added.value;
  t.match(key.expose(), /^[\w-]{43}$/);
  t.same(state.services.authenticate(service.id, key.expose()), service);
  const rotated = rotateServiceKey(state, 'web1');
  t.equal(state.services.authenticate(service.id, key.expose()), undefined);
  t.ok(rotated.kind === 'done' && state.services.authenticate(service.id, rotated.value.key.expose()));
  t.match(addService(state, 'web1', '', false, 0), failure(/already/));
  t.match(addService(state, ' ', '', false, 0), failure(/not a name/));
  t.match(addService(state, 'web2', 'a b', false, 0), failure(/not a host name/));
  t.match(rotateServiceKey(state, 'nope'), failure(/no service/));
});

t.test('access is granted on terms that can be read, and revoked', async t => {
  const state = testState(t);
  const { person, serviceID } = await addAlice(state);
  revokeAccess(state, 'alice', 'web1', 'alice');
  const request: GrantRequest = {
    ...usual,
    who: 'alice',
    service: 'web1',
    account: 'Deploy',
    tfa: true,
    fromIp: ['10.0.0.0/8,192.0.2.7', '::1'],
    hours: 'Mon-Fri 08:00-18:00',
    timeZone: 'Europe/Paris',
    expires: '2030-12-31',
  };
  t.match(grantAccess(state, request), { kind: 'done' });
  t.match(state.access.find(person.id, serviceID, 'deploy'), {
    networks: ['10.0.0.0/8', '192.0.2.7/32', '::1/128'],
    lastDay: '2030-12-31',
  });
  t.same(listAccess(state), [
    'alice@example.com\tweb1\tdeploy\ttfa; from 10.0.0.0/8,192.0.2.7/32,::1/128; Mon-Fri 08:00-18:00 (Europe/Paris); until 2030-12-31 (Europe/Paris)',
  ]);
  for (const [wrong, text] of [
    [{ who: 'bob' }, /nobody/],
    [{ who: '@nope' }, /no group nope/],
    [{ service: 'nope' }, /no service/],
    [{ account: 'a b' }, /not the name of an account/],
    [{ account: '' }, /not the name of an account/],
    [{ fromIp: ['10.0.0.0/8', 'home'] }, /home is not an address/],
    [{ hours: 'always' }, /are not hours/],
    [{ timeZone: 'Mars' }, /not a time zone/],
    [{ expires: '2030-02-30' }, /not a date/],
    [{ expires: 'soon' }, /not a date/],
  ] as const)
    t.match(grantAccess(state, { ...request, ...wrong }), failure(text), JSON.stringify(wrong));
  t.equal(state.access.all().length, 1, 'and nothing wrong was stored');
  t.match(revokeAccess(state, 'alice', 'web1', 'DEPLOY'), { kind: 'done' });
  t.match(revokeAccess(state, 'alice', 'web1', 'deploy'), failure(/had no access/));
});

t.test('what may be done through the access proxy is granted, read again, and kept as it was', async t => {
  const state = testState(t);
  const { person, serviceID } = await addAlice(state);
  const request = { who: 'alice', service: 'web1', account: 'deploy', tfa: true, fromIp: [], hours: '' };
  const open: GrantRequest = { ...usual, ...request, timeZone: 'UTC', expires: undefined };
  const strict = { record: true, allowCommand: ['uptime', 'df *'] };
  const forwards = { forwardTo: ['db:5432'], forwardFrom: ['8080'], forwardSockets: true, forwardAgent: true };
  const times = { approval: 3600, idleTimeout: 900, sessionTimeout: 28_800 };
  t.match(grantAccess(state, { ...open, ...strict, ...forwards, ...times, forwardX11: true }), { kind: 'done' });
  t.match(state.access.find(person.id, serviceID, 'deploy')?.session, {
    approvalMs: 3_600_000,
    record: true,
    shell: false,
    commands: ['uptime', 'df *'],
    fileTransfer: false,
    forwarding: { local: ['db:5432'], remote: ['8080'], streamlocal: true, agent: true, x11: true, jump: false },
    idleMs: 900_000,
    sessionMs: 28_800_000,
  });
  t.match(
    listAccess(state)[1],
    'tfa; approval 3600; record; no-shell; allow-command uptime; allow-command df *; no-file-transfer; forward-to db:5432; forward-from 8080; forward-sockets; forward-agent; forward-x11; idle-timeout 900; session-timeout 28800',
  );
  for (const [wrong, text] of [
    [{ jump: true, record: true }, /exclude each other/],
    [{ forwardTo: ['db'] }, /db is not a target/],
    [{ forwardTo: ['10.0.0.*:22'] }, /is not a target/],
    [{ forwardFrom: ['web?:80'] }, /is not a listener/],
    [{ forwardFrom: ['x y'] }, /x y is not a listener/],
    [{ allowCommand: ['a\nb'] }, /not a pattern/],
    [{ allowCommand: ['uptime'], shell: true }, /exclude each other/],
    [{ allowCommand: ['scp -t /tmp'] }, /moves files/],
    [{ idleTimeout: 1.5 }, /whole seconds/],
    [{ approval: -1 }, /whole seconds/],
    [{ sessionTimeout: Number.NaN }, /whole seconds/],
  ] as const)
    t.match(grantAccess(state, { ...open, ...wrong }), failure(text), JSON.stringify(wrong));
  t.match(grantAccess(state, { ...open, jump: true }), { kind: 'done' });
  t.match(listAccess(state)[1], /tfa; jump$/, 'takes the place of the earlier one');
});

t.test("a group's grant is for those in it, until they leave; a person's own comes before it", async t => {
  const state = testState(t);
  const { person, serviceID } = await addAlice(state);
  const decides = (account: string) => state.access.find(person.id, serviceID, account)?.timeZone;
  const give = (who: string, account: string, timeZone: string) =>
    grantAccess(state, {
      ...usual,
      who,
      service: 'web1',
      account,
      tfa: true,
      fromIp: [],
      hours: '',
      timeZone,
      expires: undefined,
    });
  t.match(addGroup(state, 'operators', 0), { kind: 'done' });
  t.match(addGroup(state, 'operators', 0), failure(/already/));
  t.match(addGroup(state, '@x', 0), failure(/not a name/));
  addGroup(state, 'nightly', 0);
  give('@operators', 'root', 'Asia/Tokyo');
  give('@nightly', 'root', 'Europe/Rome');
  give('@operators', 'deploy', 'Asia/Tokyo');
  t.equal(decides('root'), undefined, 'nobody is in it yet');
  t.match(joinGroup(state, 'operators', 'alice'), { kind: 'done' });
  t.match(joinGroup(state, 'operators', 'alice'), { kind: 'done' }, 'once more changes nothing');
  t.equal(decides('root'), 'Asia/Tokyo');
  joinGroup(state, 'nightly', 'alice');
  t.equal(decides('root'), 'Europe/Rome', 'of two groups the first by name');
  give('alice', 'root', 'UTC');
  t.equal(decides('root'), 'UTC', 'her own first');
  t.match(listGroups(state), ['nightly\talice@example.com', 'operators\talice@example.com']);
  t.match(listAccess(state), [
    /^alice@example.com\tweb1\talice\t/,
    /^@operators\tweb1\tdeploy\t/,
    /^alice@example.com\tweb1\troot\t/,
    /^@nightly\tweb1\troot\t/,
    /^@operators\tweb1\troot\t/,
  ]);
  revokeAccess(state, 'alice', 'web1', 'root');
  t.match(revokeAccess(state, '@nightly', 'web1', 'root'), { kind: 'done' });
  t.match(revokeAccess(state, '@nightly', 'web1', 'root'), failure(/had no access/));
  t.equal(decides('root'), 'Asia/Tokyo');
  t.match(leaveGroup(state, 'operators', 'alice'), { kind: 'done' });
  t.match(leaveGroup(state, 'operators', 'alice'), failure(/is not in/));
  t.equal(decides('root'), undefined);
  t.match(removeGroup(state, 'operators'), { kind: 'done' });
  t.match(removeGroup(state, 'operators'), failure(/no group/));
  t.equal(state.access.all().length, 1, 'what was granted to it is gone with it');
});

t.test('a service is put behind the proxies, with what proves it', async t => {
  const state = testState(t);
  const { serviceID } = await addAlice(state);
  const key = { kind: 'done', value: newPair().key } as const;
  t.match(changeService(state, 'web1', { address: 'web1.example.com', hostKey: key, record: true }), { kind: 'done' });
  t.match(state.services.byId(serviceID), {
    address: 'web1.example.com:22',
    hostKey: publicKeyLine(key.value),
    record: true,
    hostname: 'web1.example.com',
  });
  t.match(changeService(state, 'web1', { address: '[2001:db8::1]:2222' }), { kind: 'done' });
  t.match(state.services.byId(serviceID), { address: '[2001:db8::1]:2222', hostKey: publicKeyLine(key.value) });
  for (const address of ['a b', ':22', 'web1:0', 'web1:65536', '-oX', '2001:db8::1'])
    t.match(changeService(state, 'web1', { address }), failure(/is not an address/), address);
  t.match(changeService(state, 'web1', { hostKey: { kind: 'refused', text: 'x: is none' } }), failure(/is none/));
  t.match(changeService(state, 'web1', { hostname: 'a b' }), failure(/not a host name/));
  changeService(state, 'web1', { address: '', hostKey: 'none', record: false });
  t.match(state.services.byId(serviceID), { address: undefined, hostKey: undefined, record: false });
  addService(state, 'gate', '', false, 0, 'proxy');
  t.match(changeService(state, 'gate', { address: 'gate' }), failure(/access proxy itself/));
  addService(state, 'two words', '', false, 0);
  t.match(changeService(state, 'two words', { address: 'x' }), failure(/cannot be said/));
  addService(state, 'Jump', '', false, 0);
  t.match(changeService(state, 'Jump', { address: 'x' }), failure(/the word for ssh -J/));
});

t.test('a public key is one person’s', async t => {
  const state = testState(t);
  await addAlice(state);
  await addPerson(state, 'bob@example.com', undefined, undefined, 0);
  const key = { kind: 'done', value: newPair().key } as const;
  const print = fingerprintOf(key.value);
  t.match(addKey(state, 'alice', key, Date.UTC(2026, 0, 2)), { kind: 'done', value: { fingerprint: print } });
  t.match(addKey(state, 'bob@example.com', key, 0), failure(/registered already, as a key of alice@example.com/));
  t.match(addKey(state, 'alice', { kind: 'refused', text: 'x: is none' }, 0), failure(/is none/));
  t.match(addKey(state, 'nobody', key, 0), failure(/nobody is known/));
  t.same(listKeys(state, 'alice'), { kind: 'done', value: [`${print}\tssh-ed25519\t2026-01-02`] });
  t.same(listKeys(state, 'bob@example.com'), { kind: 'done', value: [] });
  t.match(removeKey(state, print), { kind: 'done' });
  t.match(removeKey(state, print), failure(/no key/));
});

t.test('the vault keeps keys and passwords, and lists them without a word of them', async t => {
  const state = testState(t);
  const { serviceID } = await addAlice(state);
  const { path } = makeKey(join(folder(), 'deploy'));
  const set = (account: string, kind: VaultKind, text: string) =>
    setVault(state, 'web1', account, { kind, secret: new Secret(text) }, Date.UTC(2026, 0, 2));
  t.match(set('Admin', 'password', 'open sesame'), { kind: 'done' });
  t.match(set('deploy', 'key', readFileSync(path, 'utf8')), { kind: 'done' });
  t.same(listVault(state), ['web1\tadmin\tpassword\t2026-01-02', 'web1\tdeploy\tkey\t2026-01-02']);
  t.equal(state.vault.open(serviceID, 'admin')?.secret.expose(), 'open sesame');
  t.equal(state.vault.open(serviceID, 'deploy')?.secret.expose(), readFileSync(path, 'utf8'));
  t.equal(state.vault.open(serviceID, 'root'), undefined);
  const under = join(folder(), 'locked');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'passphrase', '-f', under]);
  for (const [kind, text, why] of [
    ['key', readFileSync(under, 'utf8'), /kept under a passphrase/],
    ['key', readFileSync(`${path}.pub`, 'utf8'), /not a private key/],
    ['password', '', /one line of 1 to 1024/],
    ['password', 'two\nlines', /one line of 1 to 1024/],
  ] as const)
    t.match(set('admin', kind, text), failure(why));
  t.match(set('a b', 'password', 'x'), failure(/not the name of an account/));
  t.equal(state.vault.open(serviceID, 'admin')?.secret.expose(), 'open sesame', 'what was there stays');
  t.match(removeVault(state, 'web1', 'ADMIN'), { kind: 'done' });
  t.match(removeVault(state, 'web1', 'admin'), failure(/nothing is kept/));
});

t.test('a push device is enrolled: the server keeps the public half, its file the private one', async t => {
  const state = testState(t);
  const { person } = await addAlice(state, { enrolled: false });
  const request = { person: 'alice', name: 'phone', server: 'https://trasa.example.com:8443/x', pin: undefined };
  const enrolled = enrolPush(state, request, 0);
  if (enrolled.kind === 'failed') throw new Error(enrolled.text);
  const [device] = state.devices.ofPerson(person.id);
  t.match(device?.publicKey, /^-----BEGIN RSA PUBLIC KEY-----/);
  t.match(JSON.parse(enrolled.value.file.expose()), {
    server: 'https://trasa.example.com:8443',
    id: device?.id,
    person: 'alice@example.com',
    privateKey: /^-----BEGIN PRIVATE KEY-----/,
  });
  t.match(enrolPush(state, { ...request, server: 'http://trasa.example.com' }, 0), failure(/not the https address/));
  t.match(enrolPush(state, { ...request, server: 'trasa' }, 0), failure(/not the https address/));
  t.match(enrolPush(state, { ...request, name: '\n' }, 0), failure(/not a name/));
  t.match(enrolPush(state, { ...request, person: 'bob' }, 0), failure(/nobody/));
});

t.test('devices are listed, and removed for good', async t => {
  const state = testState(t);
  const { person } = await addAlice(state);
  state.devices.add(person.id, 'phone', 'PEM', Date.UTC(2026, 0, 2));
  const listed = listDevices(state, 'alice');
  t.match(listed, { kind: 'done', value: [/totp\tsha1, 6 digits, 30 s\t1970-01-01$/, /push\tphone\t2026-01-02$/] });
  for (const line of listed.kind === 'done' ? listed.value : []) {
    const id = line.split('\t')[0] ?? '';
    t.match(removeDevice(state, id), { kind: 'done' });
    t.match(removeDevice(state, id), failure(/no device/));
  }
  t.same(listDevices(state, 'alice'), { kind: 'done', value: [] });
  t.match(listDevices(state, 'bob'), failure(/nobody/));
});
