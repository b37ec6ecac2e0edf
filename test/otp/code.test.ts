import t from 'tap';
import { isCode } from '../../src/otp/code.ts';

t.test('a code is exactly so many ASCII digits', async t => {
  t.ok(isCode('012345', 6));
  t.ok(isCode('01234567', 8));
  for (const typed of [
    '',
    '01234',
    '0123456',
    '01234 ',
    '01234a',
    '０１２３４５',
    '012345\n',
    '٠١٢٣٤٥',
    '1.2345',
    '+12345',
  ])
    t.notOk(isCode(typed, 6), JSON.stringify(typed));
});
