import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Proof, ServerVerifier } from '../../src/auth/verifier.ts';
import { revoke } from '../../src/offline/revoke.ts';
import { Secret } from '../../src/otp/secret.ts';
import type { Outcome } from '../../src/policy/decision.ts';
import { type BreakGlass, breakGlassIn } from '../../src/verifiers/break-glass.ts';
import { anAttempt } from '../helpers/fake-ports.ts';
import { codes, dayMs, enrol, noon, stateDirectory } from '../offline/prepare.ts';

const never = new AbortController().signal;
const down = { cause: 'unreachable', detail: 'ECONNREFUSED' } as const;

/** A server that is down until `up` is set; and what it was asked. */
class FakeServer implements ServerVerifier {
  readonly name = 'fake';
  readonly asked: string[] = [];
  up: Outcome | undefined;

  canMatchNumbers(): boolean {
    return true;
  }

  async verify(_attempt: unknown, _trasaID: string, proof: Proof) {
    this.asked.push(proof.factor);
    return { outcome: this.up ?? ({ kind: 'unavailable', ...down } as const), server: 'https://trasa.example.com' };
  }

  async whyUnavailable() {
    this.asked.push('probe');
    return this.up === undefined ? down : undefined;
  }
}

function site(t: Test, directory: string) {
  const server = new FakeServer();
  const clock = { time: noon, now: () => clock.time };
  const glass = breakGlassIn(clock, t.fail)(directory);
  const verify = async (proof: Proof, account = 'alice', signal = never): Promise<Outcome> =>
    (await glass.behind(server).verify(anAttempt({ account }), 'alice@example.com', proof, signal)).outcome;
  return {
    server,
    clock,
    glass,
    push: async () => await verify({ factor: 'push' }),
    code: async (code: Secret, account?: string, signal?: AbortSignal) =>
      await verify({ factor: 'totp', code }, account, signal),
    recover: async (code: Secret, account?: string, signal?: AbortSignal) =>
      await verify({ factor: 'recovery-code', code }, account, signal),
  };
}

t.test('while the server answers, its word is the last, and nothing of this host counts or is used up', async t => {
  const directory = stateDirectory(t);
  const at = await enrol(directory);
  const [recovery = new Secret('')] = await codes(directory);
  const { server, code, recover, push } = site(t, directory);
  for (const up of [{ kind: 'invalid' }, { kind: 'refused', reason: 'server-policy', detail: 'x' }] as const) {
    server.up = up;
    t.same(await code(at(noon)), up);
    t.same(await push(), up);
    t.same(await recover(recovery), { kind: 'server-answers' });
  }
  server.up = undefined;
  t.match(await code(at(noon)), { kind: 'valid-offline' });
  t.match(await recover(recovery), { kind: 'valid-offline' });
});

t.test('a recovery code never goes to the server, which is only asked whether it answers', async t => {
  const directory = stateDirectory(t);
  const [recovery = new Secret('')] = await codes(directory);
  const { server, recover } = site(t, directory);
  await recover(recovery);
  t.same(server.asked, ['probe']);
});

t.test('an offline code opens once, loudly, and no older one does', async t => {
  const directory = stateDirectory(t);
  const at = await enrol(directory);
  const { clock, code } = site(t, directory);
  t.match(await code(at(noon)), {
    kind: 'valid-offline',
    factor: 'offline-totp',
    detail: 'unreachable: ECONNREFUSED',
    says: /^WARNING: /,
  });
  for (const used of [noon, noon - 30_000])
    t.match(await code(at(used)), { kind: 'unavailable', ...down, offline: { kind: 'replayed' } });
  clock.time += 30_000;
  t.match(await code(at(clock.time)), { kind: 'valid-offline' });
  t.match(await code(new Secret('000000')), { offline: { kind: 'invalid', says: /clock/ } });
});

t.test('each recovery code opens once, also of two logins at once, and says how many are left', async t => {
  const directory = stateDirectory(t);
  const [first = new Secret(''), second = new Secret('')] = await codes(directory, 2);
  const { recover } = site(t, directory);
  const both = await Promise.all([recover(first), recover(first)]);
  t.same(both.map(({ kind }) => kind).toSorted(), ['unavailable', 'valid-offline']);
  t.match(
    both.find(({ kind }) => kind === 'valid-offline'),
    { factor: 'recovery-code', detail: 'unreachable: ECONNREFUSED; 1 recovery codes left', says: /1 are left/ },
  );
  t.match(await recover(first), { offline: { kind: 'replayed' } });
  t.match(await recover(new Secret('rc-00000-00000-00000')), { offline: { kind: 'invalid' } });
  t.match(await recover(second), { kind: 'valid-offline' });
  t.match(await recover(second), { offline: { kind: 'expired', says: /used up/ } }, 'nothing is left');
});

t.test('they are of one account, and of nobody else', async t => {
  const directory = stateDirectory(t);
  const at = await enrol(directory);
  const [recovery = new Secret('')] = await codes(directory);
  const { code, recover } = site(t, directory);
  for (const outcome of [await code(at(noon), 'root'), await recover(recovery, 'root')])
    t.strictSame(outcome, { kind: 'unavailable', ...down }, 'no word of what others have');
});

t.test('the person is told what there is to type', async t => {
  const says = async (directory: string): Promise<string> => {
    const outcome = await site(t, directory).push();
    return outcome.kind === 'unavailable' ? (outcome.offline?.says ?? '') : outcome.kind;
  };
  const directory = stateDirectory(t);
  t.equal(await says(directory), '');
  await codes(directory);
  t.match(await says(directory), /Type a recovery code\.$/);
  await enrol(directory);
  t.match(await says(directory), /Type an offline code of this host, or a recovery code\.$/);
  revoke(directory, 'alice', { totp: false, codes: true });
  t.match(await says(directory), /Type an offline code of this host\.$/);
  const { recover } = site(t, directory);
  t.match(
    await recover(new Secret('rc-00000-00000-00000')),
    { offline: { kind: 'untried' } },
    'there are none to be wrong',
  );
});

t.test('what has expired opens nothing, to the millisecond', async t => {
  const directory = stateDirectory(t);
  const at = await enrol(directory);
  const [recovery = new Secret(''), other = new Secret('')] = await codes(directory);
  const { clock, code, recover, push } = site(t, directory);
  clock.time = noon + 90 * dayMs;
  for (const outcome of [await code(at(clock.time)), await recover(recovery), await push()])
    t.match(outcome, { kind: 'unavailable', offline: { kind: 'expired' } });
  clock.time -= 1;
  t.match(await code(at(clock.time)), { kind: 'valid-offline' });
  t.match(await recover(other), { kind: 'valid-offline' });
});

t.test('a login that was given up uses nothing up', async t => {
  const directory = stateDirectory(t);
  const at = await enrol(directory);
  const [recovery = new Secret('')] = await codes(directory);
  const { recover, code } = site(t, directory);
  t.not((await code(at(noon), 'alice', AbortSignal.abort())).kind, 'valid-offline');
  t.match(await code(at(noon)), { kind: 'valid-offline' });
  t.not((await recover(recovery, 'alice', AbortSignal.abort())).kind, 'valid-offline');
  t.match(await recover(recovery), { kind: 'valid-offline' });
});

t.test('what is revoked opens nothing any more, at once', async t => {
  const directory = stateDirectory(t);
  const at = await enrol(directory);
  const { code } = site(t, directory);
  revoke(directory, 'alice', { totp: true, codes: true });
  t.strictSame(await code(at(noon)), { kind: 'unavailable', ...down });
});

t.test('alone: without a server and a disk, if anything is prepared', async t => {
  const directory = stateDirectory(t);
  const trouble = { cause: 'state', detail: 'disk full' } as const;
  const open = (glass: BreakGlass) => glass.alone(trouble);
  const { glass } = site(t, directory);
  t.equal(open(glass), undefined);
  const at = await enrol(directory);
  const first = open(glass);
  t.ok(first);
  t.equal(open(glass)?.memory, first?.memory, 'one memory, or each login would have a first try');
  const ask = async (proof: Proof) => await first?.verifier.verify(anAttempt(), 'alice', proof, never);
  t.match(await ask({ factor: 'push' }), {
    outcome: { kind: 'unavailable', ...trouble, offline: { kind: 'untried' } },
  });
  t.match(await ask({ factor: 'totp', code: at(noon) }), {
    outcome: { kind: 'valid-offline', detail: 'state: disk full' },
  });
  t.equal(first?.verifier.canMatchNumbers(), false);
});

t.test('a state directory is opened once, so that what was used is known in one place', async t => {
  const open = breakGlassIn({ now: () => noon }, t.fail);
  const directory = stateDirectory(t);
  t.equal(open(directory), open(directory));
  t.not(open(directory), open(stateDirectory(t)));
});

t.test('trouble is told to whoever keeps the log', async t => {
  const directory = stateDirectory(t);
  writeFileSync(join(directory, 'offline.json'), 'damaged', { mode: 0o600 });
  const warnings: string[] = [];
  breakGlassIn({ now: () => noon }, text => void warnings.push(text))(directory);
  t.match(warnings, [/is damaged/]);
});
