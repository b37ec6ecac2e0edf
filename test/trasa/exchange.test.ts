import { lookup } from 'node:dns';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { TrustedAgent } from '../../src/trasa/connection.ts';
import { exchange } from '../../src/trasa/exchange.ts';
import { envelope, startTrasa } from '../helpers/bad-server.ts';
import { loopback, makeIdentity } from '../helpers/tls.ts';
import { settingsFor } from './settings.ts';

const identity = makeIdentity({ names: loopback });
const never = new AbortController().signal;

/** Sends requests one after the other, on connections that stay warm for `idleMs`. */
async function poster(t: Test, idleMs: number) {
  const server = await startTrasa(t, identity, response => envelope(response, { status: 'success' }));
  const agent = new TrustedAgent(settingsFor(server.url, { pins: [identity.pin] }), lookup, { idleMs });
  t.teardown(() => agent.closeIdle());
  const post = async () => {
    const options = {
      agent,
      answerTimeoutMs: 60_000,
      monotonicNow: () => performance.now(),
      observe: undefined,
      signal: never,
    };
    const got = await exchange(new URL('/x', server.url), Buffer.from('{}'), options);
    t.match(got, { kind: 'answer', status: 200 });
  };
  /** The connection that waits for the next request. */
  const idle = () => Object.values(agent.freeSockets).flatMap(sockets => sockets ?? [])[0];
  return { post, idle, server };
}

t.test('a connection that was idle for long enough is closed, and the next request makes a new one', async t => {
  const { post, idle, server } = await poster(t, 50);
  await post();
  const socket = idle();
  t.ok(socket);
  if (socket !== undefined) await once(socket, 'close');
  await post();
  t.equal(server.connections(), 2);
});

t.test('a warm connection that the server closed is not used again', async t => {
  const { post, idle, server } = await poster(t, 60_000);
  await post();
  const socket = idle();
  t.ok(socket);
  server.hangUp();
  if (socket !== undefined) await once(socket, 'close');
  await post();
  t.equal(server.connections(), 2);
});

t.test('connections that are not to stay warm are not kept', async t => {
  const { post, idle, server } = await poster(t, 0);
  await post();
  await post();
  t.equal(idle(), undefined);
  t.equal(server.connections(), 2);
});
