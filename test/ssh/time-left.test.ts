import t from 'tap';
import { always } from '../../src/ssh/certificate.ts';
import { timeLeft } from '../../src/ssh/time-left.ts';

const day = 86_400;
const thirty = { validAfter: 0n, validBefore: BigInt(30 * day) };
const atDay = (days: number) => timeLeft(thirty, days * day * 1000);

t.test('a certificate of 30 days is due with a third left, late with a quarter left, and then has ended', t => {
  t.same(atDay(0), { standing: 'fine', daysLeft: 30 });
  t.same(atDay(20), { standing: 'fine', daysLeft: 10 });
  t.same(atDay(20.5), { standing: 'due', daysLeft: 9 });
  t.same(atDay(22.5), { standing: 'due', daysLeft: 7 });
  t.same(atDay(23), { standing: 'late', daysLeft: 7 });
  t.same(timeLeft(thirty, 30 * day * 1000 - 1), { standing: 'late', daysLeft: 0 });
  t.same(atDay(30), { standing: 'ended', daysLeft: 0 });
  t.same(atDay(31.5), { standing: 'ended', daysLeft: -2 });
  t.end();
});

t.test('one that begins later is not valid yet, and one without end has none', t => {
  t.equal(timeLeft({ ...thirty, validAfter: 10n }, 9_999).standing, 'not-yet-valid');
  t.equal(timeLeft({ ...thirty, validAfter: 10n }, 10_000).standing, 'fine');
  t.same(timeLeft(always, 4e15), { standing: 'fine', daysLeft: Number.POSITIVE_INFINITY });
  t.end();
});
