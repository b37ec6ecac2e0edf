/** The doctor at servers that are not as they should be. */
import t, { type Test } from 'tap';
import { examine } from '../../src/doctor/examine.ts';
import { gatherServers } from '../../src/doctor/gather/servers.ts';
import { envelope, startTrasa } from '../helpers/bad-server.ts';
import { type Identity, loopback, makeIdentity } from '../helpers/tls.ts';
import { settingsFor } from '../trasa/settings.ts';
import { goodHost } from './facts.ts';

const authority = makeIdentity();
const good = makeIdentity({ names: loopback, issuer: authority });

/** Ids of what is found at a server with this certificate, whose clock is `ahead` of ours. */
async function foundAt(
  t: Test,
  {
    identity = good,
    pins = [],
    aheadMs = 0,
    status = 'success',
  }: { identity?: Identity; pins?: string[]; aheadMs?: number; status?: string },
): Promise<string[]> {
  const server = await startTrasa(t, identity, response => {
    response.setHeader('Date', new Date(Date.now() + aheadMs).toUTCString());
    envelope(response, { status, reason: 'no such service' });
  });
  const servers = await gatherServers(settingsFor(server.url, { pins, ca: authority.cert }));
  return examine({ ...goodHost, nowMs: Date.now(), servers }).map(
    ({ id, what }) => `${id}: ${what.replace(/https:\S+?(?=[: ]|$)/, 'SERVER')}`,
  );
}

t.test('a certificate that ends within days, unless its key is pinned', async t => {
  t.match(await foundAt(t, {}), [/^tls-expiring: .* ends on 20\d\d-/]);
  t.strictSame(await foundAt(t, { pins: [good.pin] }), []);
});

t.test('one that has ended, is of somebody unknown, or is not the one that is pinned', async t => {
  const expired = makeIdentity({ names: loopback, issuer: authority, expired: true });
  t.match(await foundAt(t, { identity: expired }), [/^server-unreachable: .*CERT_HAS_EXPIRED/]);
  t.match(await foundAt(t, { identity: makeIdentity({ names: loopback }) }), [/^server-unreachable: .*SELF_SIGNED/]);
  t.match(await foundAt(t, { pins: [authority.pin.replace(/^./, first => (first === 'A' ? 'B' : 'A'))] }), [
    /^server-unreachable: .*matches no pin/,
  ]);
});

t.test('a clock that is further off than a code tolerates', async t => {
  const pins = [good.pin];
  t.match(await foundAt(t, { pins, aheadMs: 3_600_000 }), [/^clock-off: this host's clock is 3\d\d\d s behind/]);
  t.match(await foundAt(t, { pins, aheadMs: -3_600_000 }), [/^clock-off: this host's clock is 3\d\d\d s ahead of/]);
  t.strictSame(await foundAt(t, { pins, aheadMs: 20_000 }), []);
});

t.test('credentials that it does not accept', async t => {
  t.match(await foundAt(t, { pins: [good.pin], status: 'failed' }), [/^server-refuses: .*no such service$/]);
});

t.test('each of several servers is asked, not only the first that answers', async t => {
  const answering = await startTrasa(t, good, response => envelope(response, { status: 'success' }));
  const settings = settingsFor(answering.url, { pins: [good.pin] });
  const servers = await gatherServers({ ...settings, urls: [answering.url, new URL('https://127.0.0.1:1')] });
  t.match(servers, [{ answer: { kind: 'accepts' } }, { answer: { kind: 'none', cause: 'unreachable' } }]);
});
