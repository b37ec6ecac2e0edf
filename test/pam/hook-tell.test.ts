import t from 'tap';
import { cutToBytes } from '../../src/pam/tell.ts';

t.test('a line fits into a PAM message, and no character is cut in two', async t => {
  t.equal(cutToBytes('short', 511), 'short');
  t.equal(Buffer.byteLength(cutToBytes('x'.repeat(1000), 511)), 511);
  for (const character of ['é', '€', '😀']) {
    const cut = cutToBytes(character.repeat(600), 511);
    t.ok(Buffer.byteLength(cut) <= 511);
    t.ok(Buffer.byteLength(cut) > 507);
    t.equal(cut.replaceAll(character, ''), '');
  }
});
