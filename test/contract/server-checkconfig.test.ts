import t from 'tap';
import { addAlice, testServer } from '../server/test-server.ts';

const path = '/auth/agent/checkconfig';
const intent = 'service config check failed';

t.test('good credentials are told so, and what this server has beyond TRASA', async t => {
  const { state, post } = await testServer(t);
  const { serviceID, serviceKey } = await addAlice(state);
  t.same((await post(path, { serviceID, serviceKey })).json, {
    status: 'success',
    reason: 'valid integration data',
    intent: 'service config check successful',
    data: [{ capabilities: { pushNumber: true, cancelOnClose: true, pushAnswer: true, attemptEcho: true } }],
  });
});

t.test('bad credentials are told so', async t => {
  const { state, post } = await testServer(t);
  const { serviceID } = await addAlice(state);
  const ask = async (body: unknown) => (await post(path, body)).json;
  const noID = { status: 'failed', reason: 'invalid service ID', intent, data: null };
  const noKey = { status: 'failed', reason: 'invalid service secret or ID', intent, data: [null] };
  t.same(await ask({ serviceID: 'x', serviceKey: 'y' }), noID);
  t.same(await ask({}), noID);
  t.same(await ask({ serviceID, serviceKey: 'y' }), noKey);
  t.same(await ask({ serviceID }), noKey);
  t.same(await ask('{'), { status: 'failed', reason: 'service config check failed', data: null });
});
