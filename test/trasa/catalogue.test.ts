/** What an access proxy hears from the embedded server, and what it makes of an answer that is none. */
import t, { type Test } from 'tap';
import { Secret } from '../../src/otp/secret.ts';
import { usualTerms } from '../../src/policy/session-terms.ts';
import { parseCatalogue } from '../../src/trasa/catalogue.ts';
import { TrasaClient } from '../../src/trasa/client.ts';
import { envelope, type FakeTrasa, startTrasa } from '../helpers/bad-server.ts';
import { anAttempt } from '../helpers/fake-ports.ts';
import { loopback, makeIdentity } from '../helpers/tls.ts';
import { message, policy, service } from '../proxy/catalogue.ts';
import { serviceKey, settingsFor } from './settings.ts';

const ca = makeIdentity();
const identity = makeIdentity({ names: loopback, issuer: ca });
const never = new AbortController().signal;

/** A client, and the server that answers all it asks with `data[0]`. */
async function answering(t: Test, first: unknown, fields: object = {}): Promise<[TrasaClient, FakeTrasa]> {
  const server = await startTrasa(t, identity, response =>
    envelope(response, { status: 'success', data: [first], ...fields }),
  );
  const client = new TrasaClient(settingsFor(server.url, { ca: ca.cert }), 'host-1');
  t.teardown(() => client.close());
  return [client, server];
}

t.test('the catalogue is asked for by what we have, and comes if there is another', async t => {
  const [client, server] = await answering(t, { revision: 'r2', catalogue: { version: 1 } });
  t.same(await client.catalogue('r1', never), { kind: 'new', revision: 'r2', catalogue: { version: 1 } });
  t.match(server.received[0], { method: 'POST', path: '/api/v1/proxy/catalogue' });
  t.same(JSON.parse(server.received[0]?.body ?? ''), { serviceID: 'service-1', serviceKey, known: 'r1' });
  const [same] = await answering(t, { revision: 'r2' });
  t.same(await same.catalogue('r2', never), { kind: 'unchanged' });
  const large = 'x'.repeat(1_000_000);
  const [big] = await answering(t, { revision: 'r2', catalogue: large });
  t.match(await big.catalogue('', never), { kind: 'new', catalogue: large }, 'it may be larger than a verdict');
  for (const [first, fields, detail] of [
    [null, {}, /without a catalogue/],
    [{ catalogue: {} }, {}, /without a catalogue/],
    [null, { status: 'failed', reason: 'this service is no access proxy' }, /refuses: this service is no access proxy/],
    [null, { status: 'maybe' }, /^bad-answer/],
  ] as const) {
    const [other] = await answering(t, first, fields);
    t.match(await other.catalogue('', never), { kind: 'none', detail }, String(detail));
  }
});

t.test('the vault is asked for one login', async t => {
  const request = {
    target: 'service-2',
    account: 'admin',
    person: 'alice@example.com',
    clientAddress: '192.0.2.7',
    attempt: '01J',
  };
  const [client, server] = await answering(t, { attempt: '01J', kind: 'password', secret: 'sesame' });
  const reply = await client.vault(request, never);
  t.match(reply, { kind: 'password' });
  t.equal('secret' in reply && reply.secret.expose(), 'sesame');
  t.notMatch(JSON.stringify(reply), 'sesame');
  t.same(JSON.parse(server.received[0]?.body ?? ''), {
    serviceID: 'service-1',
    serviceKey,
    targetService: 'service-2',
    user: 'admin',
    trasaID: 'alice@example.com',
    userIP: '192.0.2.7',
    attempt: '01J',
  });
  for (const [first, expected] of [
    [{ attempt: '01J', kind: 'none' }, { kind: 'none' }],
    [
      { attempt: '01K', kind: 'password', secret: 'x' },
      { kind: 'unavailable', detail: /another login/ },
    ],
    [
      { attempt: '01J', kind: 'key' },
      { kind: 'unavailable', detail: /not understood/ },
    ],
    [
      { attempt: '01J', kind: 'certificate', secret: 'x' },
      { kind: 'unavailable', detail: /not understood/ },
    ],
  ] as const)
    t.match(await (await answering(t, first))[0].vault(request, never), expected, JSON.stringify(first));
  const [refusing] = await answering(t, null, { status: 'failed', reason: 'policy not assigned' });
  t.match(await refusing.vault(request, never), { kind: 'unavailable', detail: /policy not assigned/ });
});

t.test('a success that is about another service than the one behind the proxy is none', async t => {
  const proof = { factor: 'totp', code: new Secret('492039') } as const;
  const request = { attempt: anAttempt(), trasaID: 'alice@example.com', proof, target: 'service-2' };
  const attempt = request.attempt.id;
  const [client, server] = await answering(t, { attempt, targetService: 'service-2' });
  t.match(await client.nix(request, never), { kind: 'answered' });
  t.match(JSON.parse(server.received[0]?.body ?? ''), { serviceID: 'service-1', targetService: 'service-2' });
  for (const first of [null, { attempt }, { attempt, targetService: 'service-1' }]) {
    const [ignorant] = await answering(t, first);
    const expected = { kind: 'unavailable', cause: 'bad-answer', detail: /another service/ };
    t.match(await ignorant.nix(request, never), expected, JSON.stringify(first));
  }
  const [refusing] = await answering(t, null, { status: 'failed', reason: 'INVALID_TOTP' });
  t.match(await refusing.nix(request, never), { kind: 'answered', envelope: { status: 'failed' } });
});

t.test('a catalogue is read whole or not at all', async t => {
  t.match(parseCatalogue(message()), {
    services: [{ name: 'db1', accounts: ['alice'], certifiedAs: 'db1.example.com' }],
    policies: [{ holder: 'alice@example.com', lastDay: undefined }],
  });
  t.match(parseCatalogue({ ...message(), later: 'something' }), { services: [{}] }, 'what is not known is passed over');
  const { record: _, ...half } = usualTerms();
  for (const [more, problem] of [
    [{ version: 2 }, /version is not 1/],
    [{ services: undefined }, 'services is no list'],
    [{ services: [null] }, 'services[0] is no object'],
    [{ services: [{ ...service, port: 0 }] }, 'services[0].port is none'],
    [{ services: [{ ...service, name: 'a b' }] }, 'services[0].name is none'],
    [{ services: [{ ...service, record: 'no' }] }, 'services[0].record is neither true nor false'],
    [{ services: [{ ...service, hostKeys: ['x'] }] }, /^services\[0\]\.hostKeys is not a public key/],
    [{ policies: [{ ...policy, session: half }] }, 'policies[0].session is not whole'],
    [{ policies: [{ ...policy, session: { ...usualTerms(), commands: 'x' } }] }, 'policies[0].session is not whole'],
    [{ policies: [{ ...policy, hours: 'never' }] }, 'policies[0].hours are none'],
    [{ policies: [{ ...policy, timeZone: 'Mars' }] }, 'policies[0].timeZone is none'],
    [{ policies: [{ ...policy, networks: ['home'] }] }, 'policies[0].networks are none'],
    [{ policies: [{ ...policy, lastDay: 'soon' }] }, 'policies[0].lastDay is none'],
    [{ policies: [{ ...policy, tfa: undefined }] }, 'policies[0].tfa is neither true nor false'],
    [{ groups: { operators: 'alice' } }, 'groups is no list'],
    [{ keys: { 'SHA256:x': 7 } }, 'keys is no text'],
    [{ systemCAs: ['ssh-ed25519'] }, /^systemCAs is not a public key/],
    [{ krls: ['AAAA'] }, /^krls is not a KRL/],
  ] as const)
    t.match(parseCatalogue({ ...message(), ...more }), problem, JSON.stringify(more));
  for (const value of [undefined, null, 'x', [], 7]) t.type(parseCatalogue(value), 'string');
});
