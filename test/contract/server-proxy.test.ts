/** What an access proxy asks the embedded server: the catalogue, the vault, and the second factor of services behind it. */
import t, { type Test } from 'tap';
import { fingerprintOf } from '../../src/ca/issue.ts';
import { Secret } from '../../src/otp/secret.ts';
import { isObject, type JsonObject } from '../../src/server/json.ts';
import type { Service } from '../../src/server/store/services.ts';
import { publicKeyLine } from '../../src/ssh/key-line.ts';
import { parseCatalogue } from '../../src/trasa/catalogue.ts';
import { valueOf } from '../ca/ca.ts';
import { dataOf } from '../server/signed-in.ts';
import { type Alice, addAlice, codeAt, grant, type Reply, type TestServer, testServer } from '../server/test-server.ts';
import { newPair } from '../ssh/authority.ts';

interface Site extends TestServer {
  readonly alice: Alice;
  readonly gate: { readonly serviceID: string; readonly serviceKey: string };
  readonly catalogue: (more?: object) => Promise<Reply>;
  readonly vault: (more?: object) => Promise<Reply>;
}

/** web1 is behind the proxy `gate`; a password is kept for its account alice. */
async function site(t: Test): Promise<Site> {
  const server = await testServer(t);
  const { state, post } = server;
  const alice = await addAlice(state);
  change(server, alice.serviceID, { address: '10.0.0.5:22' });
  state.vault.set({ service: alice.serviceID, account: 'alice', kind: 'password', createdAt: 0 }, new Secret('sesame'));
  const added = state.services.add('gate', '', false, 0, 'proxy');
  if (added === undefined) throw new Error('there is a gate');
  const gate = { serviceID: added.service.id, serviceKey: added.key.expose() };
  const { user, trasaID, userIP } = alice.request;
  const login = { targetService: alice.serviceID, user, trasaID, userIP, attempt: '01J' };
  return {
    ...server,
    alice,
    gate,
    catalogue: async more => await post('/api/v1/proxy/catalogue', { ...gate, ...more }),
    vault: async more => await post('/api/v1/proxy/vault', { ...gate, ...login, ...more }),
  };
}

function change({ state }: TestServer, id: string, facts: Partial<Service>): void {
  const service = state.services.byId(id);
  if (service !== undefined) state.services.change(id, { ...service, ...facts });
}

function first({ json }: Reply): JsonObject {
  const [data] = dataOf(json);
  return isObject(data) ? data : {};
}

t.test('the catalogue has what a proxy needs, and no secret', async t => {
  const server = await site(t);
  const { state, alice } = server;
  const [hostKey, own] = [newPair().key, newPair().key];
  change(server, alice.serviceID, { hostKey: publicKeyLine(hostKey), record: true });
  state.keys.add({ fingerprint: fingerprintOf(own), person: alice.person.id, publicKey: '', createdAt: 0 });
  const operators = state.groups.add('operators', 0);
  state.groups.addMember(operators?.id ?? '', alice.person.id);
  grant(state, '', alice.serviceID, {
    holder: { kind: 'group', id: operators?.id },
    account: 'root',
    lastDay: '2030-12-31',
  });
  for (const name of ['host', 'system'] as const) valueOf(await state.cas.init(name));
  state.services.add('elsewhere', '', false, 0);
  const reply = await server.catalogue();
  const catalogue = parseCatalogue(first(reply)['catalogue']);
  if (typeof catalogue === 'string') throw new Error(catalogue);
  t.match(catalogue, {
    services: [
      {
        id: alice.serviceID,
        name: 'web1',
        host: '10.0.0.5',
        port: 22,
        certifiedAs: 'web1.example.com',
        accounts: ['alice', 'root'],
        hostKeys: [hostKey],
        record: true,
        vault: ['alice'],
      },
    ],
    policies: [
      { holder: 'alice@example.com', service: 'web1', account: 'alice', tfa: true, lastDay: undefined },
      { holder: '@operators', account: 'root', lastDay: '2030-12-31', session: { record: true } },
    ],
    groups: new Map([['operators', ['alice@example.com']]]),
    usernames: new Map([['alice', 'alice@example.com']]),
    keys: new Map([[fingerprintOf(own), 'alice@example.com']]),
    systemCAs: valueOf(state.cas.publicKeys('system', 0)),
  });
  t.equal(catalogue.services.length, 1, 'a service that is not behind a proxy is none of its business');
  t.same(catalogue.services[0]?.hostCAs, valueOf(state.cas.publicKeys('host', 0)));
  t.equal(catalogue.krls.length, 2);
  for (const secret of ['sesame', alice.serviceKey, server.gate.serviceKey, 'scrypt'])
    t.notOk(reply.body.includes(secret));
});

t.test('who has the revision is told nothing but that, until something changes', async t => {
  const server = await site(t);
  const { state, alice } = server;
  const one = first(await server.catalogue());
  const again = async () => first(await server.catalogue({ known: one['revision'] }));
  t.same(await again(), { revision: one['revision'] });
  const lines = server.log.length;
  await again();
  t.equal(server.log.length, lines, 'it is asked each minute, which is not worth a line');
  t.match(first(await server.catalogue({ known: 'another' })), { revision: one['revision'], catalogue: {} });
  state.people.setEnabled(alice.person.id, false);
  const next = await again();
  t.not(next['revision'], one['revision']);
  t.match(next['catalogue'], { policies: [], usernames: {} }, 'a disabled person is nowhere in it');
});

t.test('only an access proxy is answered', async t => {
  const server = await site(t);
  const { alice } = server;
  const host = { serviceID: alice.serviceID, serviceKey: alice.serviceKey };
  for (const ask of [server.catalogue, server.vault]) {
    for (const [credentials, reason] of [
      [host, 'this service is no access proxy'],
      [{ serviceKey: alice.serviceKey }, 'invalid service integration details'],
      [{ serviceID: 'nobody' }, 'invalid service integration details'],
      [{ serviceKey: '' }, 'invalid service integration details'],
      [{ serviceKey: 7 }, 'invalid request'],
    ] as const) {
      const { status, json } = await ask(credentials);
      t.equal(status, 200);
      t.strictSame(json, { ...(json as object), status: 'failed', reason, data: null }, JSON.stringify(credentials));
    }
  }
  for (const body of ['', '[]', '{', Buffer.of(0xff)])
    for (const path of ['catalogue', 'vault'])
      t.match((await server.post(`/api/v1/proxy/${path}`, body)).json, { status: 'failed', reason: 'invalid request' });
});

t.test('the vault opens for a login that may be, and each time there is a line of it', async t => {
  const server = await site(t);
  const { state, alice } = server;
  t.same(first(await server.vault()), { attempt: '01J', kind: 'password', secret: 'sesame' });
  t.match(JSON.parse(server.log.at(-1) ?? ''), {
    endpoint: '/api/v1/proxy/vault',
    status: 'success',
    service: 'web1',
    proxy: server.gate.serviceID,
    account: 'alice',
    person: 'alice@example.com',
    client: '192.0.2.7',
    attempt: '01J',
    detail: 'handed out the password',
  });
  grant(state, alice.person.id, alice.serviceID, { account: 'root' });
  t.same(first(await server.vault({ user: 'root' })), { attempt: '01J', kind: 'none' });
  const refused = async (more: object, reason: string) => {
    const { json } = await server.vault(more);
    t.match(json, { status: 'failed', reason, data: null }, JSON.stringify(more));
  };
  await refused({ attempt: '' }, 'invalid request');
  await refused({ targetService: '' }, 'invalid service integration details');
  await refused({ targetService: server.gate.serviceID }, 'invalid service integration details');
  await refused({ trasaID: 'bob@example.com' }, 'user not found');
  await refused({ user: 'deploy' }, 'policy not assigned');
  grant(state, alice.person.id, alice.serviceID, { networks: ['10.0.0.0/8'] });
  await refused({}, 'IP_POLICY_FAILED');
  t.match(await server.vault({ userIP: '10.1.2.3' }), { json: { status: 'success' } });
  state.people.setEnabled(alice.person.id, false);
  await refused({ userIP: '10.1.2.3' }, 'User Disabled');
  change(server, alice.serviceID, { address: undefined });
  await refused({ userIP: '10.1.2.3' }, 'invalid service integration details');
  t.notOk(server.log.join().includes('sesame'));
});

t.test('a proxy asks about a service behind it by its own key, and the answer says which one it was', async t => {
  const server = await site(t);
  const { alice, gate, time } = server;
  const ask = async (more: object) =>
    await server.post('/auth/agent/nix', {
      ...alice.request,
      ...gate,
      targetService: alice.serviceID,
      totpCode: codeAt(time.now()),
      attempt: '01J',
      ...more,
    });
  t.match((await ask({})).json, { status: 'success', data: [{ attempt: '01J', targetService: alice.serviceID }] });
  t.match(JSON.parse(server.log.at(-1) ?? ''), { service: 'web1', proxy: gate.serviceID, factor: 'totp' });
  const refused = { status: 'failed', reason: 'invalid service integration details' };
  t.match((await ask({ serviceID: alice.serviceID, serviceKey: alice.serviceKey })).json, refused, 'a host may not');
  t.match((await ask({ targetService: 'nobody' })).json, refused);
  t.match((await ask({ targetService: '' })).json, { reason: 'policy not assigned' }, 'nobody has access to the proxy');
  change(server, alice.serviceID, { address: undefined });
  t.match((await ask({})).json, refused, 'nor about a service that is not behind it');
});
