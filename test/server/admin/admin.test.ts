import t from 'tap';
import { Secret } from '../../../src/otp/secret.ts';
import { type GrantRequest, grantAccess, listAccess, revokeAccess } from '../../../src/server/admin/access.ts';
import { listDevices, removeDevice } from '../../../src/server/admin/devices.ts';
import { enrolPush } from '../../../src/server/admin/enrol-push.ts';
import { addPerson, changePassword, enablePerson } from '../../../src/server/admin/people.ts';
import { addService, rotateServiceKey } from '../../../src/server/admin/services.ts';
import { verifyPassword } from '../../../src/server/password.ts';
import { addAlice, testState } from '../test-server.ts';

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
    person: 'alice',
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
    [{ person: 'bob' }, /nobody/],
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
