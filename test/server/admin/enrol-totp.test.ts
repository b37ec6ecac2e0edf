import t from 'tap';
import type { Secret } from '../../../src/otp/secret.ts';
import { Secret as Text } from '../../../src/otp/secret.ts';
import { totpAt } from '../../../src/otp/totp.ts';
import { enrolTotp, type TotpOffer, type TotpRequest } from '../../../src/server/admin/enrol-totp.ts';
import { addAlice, monday, testServer, testState } from '../test-server.ts';

const request: TotpRequest = {
  person: 'alice',
  algorithm: 'sha1',
  digits: 6,
  periodSeconds: 30,
  issuer: 'TRASA',
  confirm: true,
};
const now = () => monday;

/** Somebody with an authenticator, who answers in turn with these; `right` is the code of the moment. */
function somebody(...answers: string[]) {
  let offered: TotpOffer | undefined;
  const asked: boolean[] = [];
  const code = (): Secret | undefined => offered && totpAt({ ...request, secret: offered.secret }, monday);
  return {
    asked,
    offered: () => offered,
    code,
    operator: {
      offer: (offer: TotpOffer) => void (offered = offer),
      askCode: async (isRetry: boolean) => {
        asked.push(isRetry);
        const answer = answers.shift();
        return await Promise.resolve(answer === 'right' ? code() : answer === undefined ? undefined : new Text(answer));
      },
    },
  };
}

t.test('a credential is enrolled once a code of it was typed', async t => {
  const state = testState(t);
  const { person } = await addAlice(state, { enrolled: false });
  const alice = somebody('right');
  t.match(await enrolTotp(state, request, alice.operator, now), { kind: 'done' });
  const [credential] = state.credentials.ofPerson(person.id);
  t.equal(credential?.secret.expose(), alice.offered()?.secret.expose());
  t.match(
    alice.offered()?.uri.expose(),
    /^otpauth:\/\/totp\/TRASA:alice%40example\.com\?secret=[A-Z2-7]{32}&issuer=TRASA/,
  );
});

t.test('the code that confirmed opens nothing any more', async t => {
  const { state, post } = await testServer(t);
  const { request: nix } = await addAlice(state, { enrolled: false });
  const alice = somebody('right');
  await enrolTotp(state, request, alice.operator, now);
  t.match((await post('/auth/agent/nix', { ...nix, totpCode: alice.code()?.expose() })).json, {
    status: 'failed',
    reason: 'INVALID_TOTP',
  });
});

t.test('three wrong codes, or none, enrol nothing', async t => {
  const state = testState(t);
  const { person } = await addAlice(state, { enrolled: false });
  for (const [answers, asked] of [
    [
      ['000000', 'abc', '', 'right'],
      [false, true, true],
    ],
    [[], [false]],
  ] as const) {
    const alice = somebody(...answers);
    t.match(await enrolTotp(state, request, alice.operator, now), { kind: 'failed', text: /nothing is enrolled/ });
    t.same(alice.asked, asked);
  }
  t.same(state.credentials.ofPerson(person.id), []);
});

t.test('without confirmation nobody is asked', async t => {
  const state = testState(t);
  const { person } = await addAlice(state, { enrolled: false });
  const alice = somebody();
  const parameters = { algorithm: 'sha512', digits: 8, periodSeconds: 60 } as const;
  t.match(await enrolTotp(state, { ...request, ...parameters, confirm: false }, alice.operator, now), { kind: 'done' });
  t.same(alice.asked, []);
  t.match(state.credentials.ofPerson(person.id), [parameters]);
});

t.test('a person has five credentials at most', async t => {
  const state = testState(t);
  await addAlice(state, { enrolled: false });
  const enrol = async () => await enrolTotp(state, { ...request, confirm: false }, somebody().operator, now);
  for (let count = 1; count <= 5; count += 1) t.match(await enrol(), { kind: 'done' });
  t.match(await enrol(), { kind: 'failed', text: /5 credentials already/ });
  t.match(await enrolTotp(state, { ...request, person: 'bob' }, somebody().operator, now), { kind: 'failed' });
});
