import t from 'tap';
import { sealUnder } from '../../src/store/seal.ts';

const seal = sealUnder(Buffer.alloc(32, 1));
const plain = Buffer.from('secret');

t.test('what is sealed opens at its place, under its key', async t => {
  t.same(seal.open(seal.close(plain, 'here'), 'here'), plain);
  t.throws(() => seal.open(seal.close(plain, 'here'), 'there'));
  t.throws(() => sealUnder(Buffer.alloc(32, 2)).open(seal.close(plain, 'here'), 'here'));
});

t.test('not one bit of it can be changed', async t => {
  const sealed = seal.close(plain, 'here');
  for (let at = 0; at < sealed.length; at += 1) {
    const bent = Buffer.from(sealed);
    bent[at] = (bent[at] ?? 0) ^ 1;
    t.throws(() => seal.open(bent, 'here'), `byte ${at}`);
  }
  t.throws(() => seal.open(sealed.subarray(0, 28), 'here'), 'nor cut off');
});

t.test('the same text is sealed differently each time', async t => {
  t.notSame(seal.close(plain, 'here'), seal.close(plain, 'here'));
});

t.test('a key of another size is none', async t => {
  t.throws(() => sealUnder(Buffer.alloc(16)), RangeError);
});
