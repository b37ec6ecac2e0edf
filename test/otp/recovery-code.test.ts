import t from 'tap';
import { makeRecoveryCode, readRecoveryCode, recoveryCodeBytes } from '../../src/otp/recovery-code.ts';

/** Bytes that look random and are the same each time. */
function bytesOf(seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: recoveryCodeBytes }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state >> 16;
  });
}
const codes = Array.from({ length: 200 }, (_, seed) => makeRecoveryCode(bytesOf(seed))?.expose()).filter(
  code => code !== undefined,
);
const meaning = (text: string): string => {
  const read = readRecoveryCode(text);
  return read.kind === 'code' ? read.code.expose() : read.kind;
};

t.test('a code has its shape, and reads as itself', async t => {
  t.ok(codes.length > 150, 'five of 37 are not made');
  for (const code of codes) {
    t.match(code, /^rc-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
    t.equal(meaning(code), code);
  }
  t.equal(new Set(codes).size, codes.length);
});

t.test("the check symbol is Crockford's: the number modulo 37", async t => {
  const zeros = new Uint8Array(recoveryCodeBytes);
  t.equal(makeRecoveryCode(zeros)?.expose(), 'rc-00000-00000-00000');
  t.equal(makeRecoveryCode(zeros.with(13, 31))?.expose(), 'rc-00000-00000-000ZZ', '31 mod 37 = 31');
  t.equal(makeRecoveryCode(zeros.with(12, 2))?.expose(), 'rc-00000-00000-0020V', '64 mod 37 = 27');
  t.equal(makeRecoveryCode(zeros.with(12, 1)), undefined, '32 mod 37 = 32, which would be *');
});

t.test('it may be typed carelessly', async t => {
  const code = 'rc-00000-00000-0020V';
  for (const typed of ['RC-00000-00000-0020V', 'rc00000000000020v', 'rc-ooooo-OOOOO-oo2ov', 'rc-0000-0000-0000-20V'])
    t.equal(meaning(typed), code, typed);
  t.equal(meaning('rc-iLi1l-00000-0000T'), meaning('rc-11111-00000-0000T'));
});

t.test('one wrong character or two swapped ones are a typing error', async t => {
  const symbols = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  for (const code of codes.slice(0, 10)) {
    for (const at of [3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19]) {
      for (const symbol of symbols)
        if (symbol !== code[at]) t.equal(meaning(code.slice(0, at) + symbol + code.slice(at + 1)), 'mistyped');
      const [one, other] = [code[at], code[at + 1]];
      if (other === undefined || other === '-' || one === other) continue;
      t.equal(meaning(`${code.slice(0, at)}${other}${one}${code.slice(at + 2)}`), 'mistyped', 'swapped');
    }
  }
  t.equal(meaning('rc-UUUUU-00000-00000'), 'mistyped', 'U is no symbol of a code');
});

t.test('a code of an authenticator, a password and anything else are something else', async t => {
  for (const text of [
    '',
    '123456',
    '12345678',
    'hunter2',
    'rc-',
    'rc-00000-00000-0000',
    'rc-00000-00000-000000',
    'xrc-00000-00000-00000',
    'rc-00000-00000-00000\n',
    'rc-００００0-00000-00000',
    `rc-${'-'.repeat(1_000_000)}`,
  ])
    t.equal(meaning(text), 'other', text.slice(0, 30));
});

t.test('too few bytes make no code', async t => {
  t.throws(() => makeRecoveryCode(new Uint8Array(5)), RangeError);
});
