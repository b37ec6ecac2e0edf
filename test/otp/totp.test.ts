import { readFileSync } from 'node:fs';
import t from 'tap';
import { Secret } from '../../src/otp/secret.ts';
import { isTimeStep, type TimeStep, type TotpParameters, totpAt, verifyTotp } from '../../src/otp/totp.ts';

interface Vectors {
  keys: Record<'sha1' | 'sha256' | 'sha512', string>;
  vectors: ({ seconds: number } & Record<'sha1' | 'sha256' | 'sha512', string>)[];
}
const rfc6238 = JSON.parse(readFileSync(new URL('../vectors/rfc6238.json', import.meta.url), 'utf8')) as Vectors;

const algorithms = ['sha1', 'sha256', 'sha512'] as const;

/** RFC 4648 §6, without padding; its own few lines, so that the library's encoder is not its own judge. */
function base32(bytes: Buffer): string {
  const bits = [...bytes].map(byte => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? [])
    .map(five => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('');
}

function credential(algorithm: (typeof algorithms)[number], digits: 6 | 7 | 8 = 8): TotpParameters {
  const secret = new Secret(base32(Buffer.from(rfc6238.keys[algorithm], 'ascii')));
  return { secret, algorithm, digits, periodSeconds: 30 };
}

const exact = { past: 0, future: 0 };
const oneEach = { past: 1, future: 1 };

t.test('RFC 6238 appendix B holds for every mode, in both directions', async t => {
  for (const vector of rfc6238.vectors)
    for (const algorithm of algorithms) {
      const now = vector.seconds * 1000;
      const parameters = credential(algorithm);
      t.equal(totpAt(parameters, now).expose(), vector[algorithm], `${algorithm} at ${vector.seconds}`);
      const step = Math.floor(vector.seconds / 30);
      t.match(verifyTotp({ ...parameters, code: new Secret(vector[algorithm]), now, window: exact }), {
        kind: 'valid',
        step,
      });
    }
});

t.test('shorter codes are the tail of the longer ones (RFC 4226 §5.3)', async t => {
  for (const digits of [6, 7, 8] as const)
    t.equal(totpAt(credential('sha1', digits), 59_000).expose(), '94287082'.slice(-digits));
});

t.test('the window reaches as far as it says into the past and the future, and no further', async t => {
  const parameters = credential('sha1', 6);
  const now = 1_111_111_109_000;
  const check = (offsetSteps: number, window: { past: number; future: number }) =>
    verifyTotp({ ...parameters, code: totpAt(parameters, now + offsetSteps * 30_000), now, window }).kind;

  t.equal(check(-1, oneEach), 'valid');
  t.equal(check(0, oneEach), 'valid');
  t.equal(check(1, oneEach), 'valid');
  t.equal(check(-2, oneEach), 'invalid');
  t.equal(check(2, oneEach), 'invalid');
  t.equal(check(-1, exact), 'invalid');
  t.equal(check(1, { past: 1, future: 0 }), 'invalid');
  t.equal(check(-2, { past: 2, future: 0 }), 'valid');
});

t.test('a code works once; it and older ones are refused afterwards', async t => {
  const parameters = credential('sha256', 6);
  const now = 1_234_567_890_000;
  const code = totpAt(parameters, now);
  const first = verifyTotp({ ...parameters, code, now, window: oneEach });
  t.equal(first.kind, 'valid');
  const lastUsedStep = first.kind === 'valid' ? first.step : undefined;

  t.same(verifyTotp({ ...parameters, code, now, window: oneEach, lastUsedStep }), { kind: 'replayed' });
  const older = totpAt(parameters, now - 30_000);
  t.same(verifyTotp({ ...parameters, code: older, now, window: oneEach, lastUsedStep }), { kind: 'replayed' });
  const newer = totpAt(parameters, now + 30_000);
  t.equal(verifyTotp({ ...parameters, code: newer, now, window: oneEach, lastUsedStep }).kind, 'valid');
});

t.test('what has not the shape of a code is invalid, and nothing is thrown', async t => {
  const parameters = credential('sha1', 6);
  for (const typed of [
    '',
    ' ',
    '28708',
    '2870822',
    '28 082',
    '28708a',
    '２８７０８２',
    '-87082',
    '1e5000',
    '287082\n',
    'x'.repeat(1_000_000),
  ])
    t.same(
      verifyTotp({ ...parameters, code: new Secret(typed), now: 59_000, window: oneEach }),
      { kind: 'invalid' },
      JSON.stringify(typed.slice(0, 12)),
    );
});

t.test("TRASA's own ten-byte secrets are checked too", async t => {
  const parameters: TotpParameters = {
    secret: new Secret(base32(Buffer.alloc(10, 7))),
    algorithm: 'sha1',
    digits: 6,
    periodSeconds: 30,
  };
  const code = totpAt(parameters, 59_000);
  t.match(verifyTotp({ ...parameters, code, now: 59_000, window: exact, lastUsedStep: 0 as TimeStep }), {
    kind: 'valid',
    step: 1,
  });
});

t.test('a time step lasts to its last millisecond', async t => {
  const parameters = credential('sha1');
  t.equal(totpAt(parameters, 59_999).expose(), '94287082', 'step 1 of appendix B');
  t.not(totpAt(parameters, 60_000).expose(), '94287082');
  const code = new Secret('94287082');
  t.match(verifyTotp({ ...parameters, code, now: 59_999, window: exact }), { kind: 'valid', step: 1 });
  t.same(verifyTotp({ ...parameters, code, now: 60_000, window: exact }), { kind: 'invalid' });
});

t.test('a time step is a whole number from 0 on', async t => {
  for (const step of [0, 1, Number.MAX_SAFE_INTEGER]) t.ok(isTimeStep(step), String(step));
  for (const step of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) t.notOk(isTimeStep(step), String(step));
});
