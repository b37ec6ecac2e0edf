import t, { type Test } from 'tap';
import { TrasaClient } from '../../src/trasa/client.ts';
import { lookAt, type Shown } from '../../src/trasa/sight.ts';
import { envelope, startTrasa } from '../helpers/bad-server.ts';
import { loopback, makeIdentity } from '../helpers/tls.ts';
import { settingsFor } from './settings.ts';

const identity = makeIdentity({ names: loopback });

async function see(
  t: Test,
  date: string | undefined,
  askedMs: number,
  nowMs: number,
  pins: readonly string[],
): Promise<Shown | undefined> {
  const server = await startTrasa(t, identity, response => {
    response.sendDate = false;
    if (date !== undefined) response.setHeader('Date', date);
    envelope(response, { status: 'success' });
  });
  const client = new TrasaClient(settingsFor(server.url, { pins: [identity.pin] }), 'web1');
  let shown: Shown | undefined;
  const delivery = await client.checkConfig(new AbortController().signal, message => {
    shown = lookAt(message, pins, askedMs, nowMs);
  });
  client.close();
  t.match(delivery, { kind: 'answered', envelope: { status: 'success' } });
  return shown;
}

const noon = Date.UTC(2026, 0, 2, 12, 0, 0);
const atNoon = new Date(noon).toUTCString();

t.test('the clock of the server is told by its Date, to the second', async t => {
  const ahead = async (askedMs: number, nowMs: number) => (await see(t, atNoon, askedMs, nowMs, []))?.aheadMs;
  t.equal(await ahead(noon - 100, noon + 100), 0);
  t.equal(await ahead(noon + 500, noon + 600), 0, 'the header cuts off the rest of the second');
  t.equal(await ahead(noon - 61_000, noon - 60_000), 60_000);
  t.equal(await ahead(noon + 60_999, noon + 62_000), -60_000);
});

t.test('a server that does not tell the time, or not in words of HTTP, tells none', async t => {
  t.equal((await see(t, undefined, noon, noon, []))?.aheadMs, undefined);
  t.equal((await see(t, 'late', noon, noon, []))?.aheadMs, undefined);
});

t.test('the end of its certificate is told, and whether its key is pinned', async t => {
  const before = Date.now();
  const shown = await see(t, atNoon, noon, noon, []);
  const days = ((shown?.certificateEndsMs ?? 0) - before) / 86_400_000;
  t.ok(days > 1 && days < 3, `${days} days`);
  t.equal(shown?.isPinned, false);
  t.equal((await see(t, atNoon, noon, noon, [identity.pin]))?.isPinned, true);
});
