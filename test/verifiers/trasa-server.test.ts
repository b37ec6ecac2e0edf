import t from 'tap';
import { Secret } from '../../src/otp/secret.ts';
import { TrasaClient } from '../../src/trasa/client.ts';
import { TrasaServerVerifier } from '../../src/verifiers/trasa-server.ts';
import { closedPort, envelope, startTrasa } from '../helpers/bad-server.ts';
import { anAttempt } from '../helpers/fake-ports.ts';
import { loopback, makeIdentity } from '../helpers/tls.ts';
import { code, settingsFor } from '../trasa/settings.ts';

const never = new AbortController().signal;
const identity = makeIdentity({ names: loopback });
const aCode = { factor: 'totp', code: new Secret(code) } as const;

/** A verifier whose server answers with these fields, after this many milliseconds of a fake clock. */
async function verifierOf(t: Parameters<typeof startTrasa>[0], fields: Record<string, unknown>, takesMs = 10) {
  let now = 0;
  const server = await startTrasa(t, identity, response => {
    now += takesMs;
    envelope(response, fields);
  });
  const client = new TrasaClient(settingsFor(server.url, { pins: [identity.pin] }), 'host-1', {
    monotonicNow: () => now,
  });
  t.teardown(() => client.close());
  return { verifier: new TrasaServerVerifier(client), client, server };
}

t.test('a right code is valid, and the server that said so is named', async t => {
  const { verifier, server } = await verifierOf(t, { status: 'success' });
  t.equal(verifier.name, 'trasa-server');
  t.same(await verifier.verify(anAttempt(), 'alice@example.com', aCode, never), {
    outcome: { kind: 'valid' },
    server: server.url.origin,
  });
});

t.test('a wrong code is invalid', async t => {
  const { verifier } = await verifierOf(t, { status: 'failed', reason: 'INVALID_TOTP' });
  t.match(await verifier.verify(anAttempt(), 'alice', aCode, never), { outcome: { kind: 'invalid' } });
});

t.test('a push that fails at once was refused; one that fails after a minute was not answered', async t => {
  const fields = { status: 'failed', reason: 'U2F_FAILED' };
  const refused = await verifierOf(t, fields, 5_000);
  const push = { factor: 'push' } as const;
  t.match(await refused.verifier.verify(anAttempt(), 'alice', push, never), { outcome: { kind: 'denied-by-person' } });
  const unanswered = await verifierOf(t, fields, 60_000);
  t.match(await unanswered.verifier.verify(anAttempt(), 'alice', push, never), { outcome: { kind: 'unanswered' } });
});

t.test('a refusal by policy comes with a sentence for the person', async t => {
  const { verifier } = await verifierOf(t, { status: 'failed', reason: 'IP_POLICY_FAILED' });
  t.match(await verifier.verify(anAttempt(), 'alice', aCode, never), {
    outcome: { kind: 'refused', reason: 'server-policy', detail: 'IP_POLICY_FAILED', says: /your address/ },
  });
});

t.test('a server that is not there is unavailable', async t => {
  const url = await closedPort();
  const verifier = new TrasaServerVerifier(new TrasaClient(settingsFor(url), 'host-1'));
  t.match(await verifier.verify(anAttempt(), 'alice', aCode, never), {
    outcome: { kind: 'unavailable', cause: 'unreachable' },
    server: url.origin,
  });
});

t.test('numbers can be matched once the server has said so', async t => {
  const { verifier, client } = await verifierOf(t, {
    status: 'success',
    data: [{ capabilities: { pushNumber: true } }],
  });
  t.equal(verifier.canMatchNumbers(), false, 'it answers at once, and learns in the background');
  await client.learnCapabilities(never);
  t.equal(verifier.canMatchNumbers(), true);
});

t.test('asking whether numbers can be matched is what makes it learn', async t => {
  const { verifier } = await verifierOf(t, { status: 'success', data: [{ capabilities: { pushNumber: true } }] });
  while (!verifier.canMatchNumbers()) await new Promise(setImmediate);
  t.ok(verifier.canMatchNumbers());
});

t.test('a push that the server holds for longer than we wait was not answered', async t => {
  const server = await startTrasa(t, identity, () => {});
  const settings = settingsFor(server.url, { pins: [identity.pin], pushTimeoutMs: 100, responseTimeoutMs: 100 });
  const verifier = new TrasaServerVerifier(new TrasaClient(settings, 'host-1'));
  t.match(await verifier.verify(anAttempt(), 'alice', { factor: 'push' }, never), { outcome: { kind: 'unanswered' } });
  t.match(await verifier.verify(anAttempt(), 'alice', aCode, never), {
    outcome: { kind: 'unavailable', cause: 'timeout' },
  });
});

t.test('whether a server answers is asked without a code: it accepts us, it refuses us, it is not there', async t => {
  const { verifier } = await verifierOf(t, { status: 'success' });
  t.equal(await verifier.whyUnavailable(never), undefined);
  const refusing = await verifierOf(t, { status: 'failed', reason: 'invalid service\u001b[2J id' });
  t.same(await refusing.verifier.whyUnavailable(never), { cause: 'credentials', detail: 'invalid service?[2J id' });
  const gone = new TrasaServerVerifier(new TrasaClient(settingsFor(await closedPort()), 'host-1'));
  t.match(await gone.whyUnavailable(never), { cause: 'unreachable' });
});
