import t from 'tap';
import { isTimeZone, parseHours, wallTime, withinHours } from '../../src/policy/hours.ts';

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

function at(text: string, when: string): boolean {
  const hours = parseHours(text);
  const [day = '', clock = ''] = when.split(' ');
  const [hour = 0, minute = 0] = clock.split(':').map(Number);
  return hours !== undefined && withinHours(hours, { day: days.indexOf(day), minute: hour * 60 + minute, date: '' });
}

t.test('hours are within their days and times, the end excluded', async t => {
  for (const [text, when, expected] of [
    ['Mon-Fri 08:00-18:00', 'Mon 08:00', true],
    ['Mon-Fri 08:00-18:00', 'Fri 17:59', true],
    ['Mon-Fri 08:00-18:00', 'Fri 18:00', false],
    ['Mon-Fri 08:00-18:00', 'Mon 07:59', false],
    ['Mon-Fri 08:00-18:00', 'Sat 12:00', false],
    ['Fri-Mon 08:00-18:00', 'Sun 12:00', true],
    ['Fri-Mon 08:00-18:00', 'Tue 12:00', false],
    ['Sat', 'Sat 23:59', true],
    ['Sat', 'Sun 00:00', false],
    ['Mon 00:00-24:00', 'Mon 23:59', true],
    ['Mon 00:00-24:00', 'Tue 00:00', false],
    ['Fri 22:00-06:00', 'Fri 23:00', true],
    ['Fri 22:00-06:00', 'Sat 05:59', true],
    ['Fri 22:00-06:00', 'Sat 06:00', false],
    ['Fri 22:00-06:00', 'Fri 05:00', false],
    ['Mon 08:00-12:00, Tue 13:00-14:00', 'Tue 13:30', true],
    ['Mon 08:00-12:00, Tue 13:00-14:00', 'Mon 13:30', false],
    ['mon-fri 08:00-18:00', 'Wed 12:00', true],
    ['', 'Sun 03:00', true],
  ] as const)
    t.equal(at(text, when), expected, `${text} at ${when}`);
});

t.test('what says no hours is none', async t => {
  for (const text of ['Mon-', 'Xyz', 'Mon 8:00-18:00', 'Mon 08:00', 'Mon 08:00-25:00', 'Mon 08:60-09:00', 'Mon,', ','])
    t.equal(parseHours(text), undefined, text);
  t.equal(parseHours('Mon 08:00-08:00'), undefined, 'an empty span');
  t.equal(parseHours('Mon 24:01-08:00'), undefined);
});

t.test('a moment is another day and hour in another time zone', async t => {
  const now = Date.UTC(2026, 2, 29, 0, 30); // the night in which Paris goes to summer time
  t.same(wallTime(now, 'UTC'), { day: 0, minute: 30, date: '2026-03-29' });
  t.same(wallTime(now, 'Europe/Paris'), { day: 0, minute: 90, date: '2026-03-29' });
  t.same(wallTime(now + 3_600_000, 'Europe/Paris'), { day: 0, minute: 210, date: '2026-03-29' });
  t.same(wallTime(now, 'America/New_York'), { day: 6, minute: 20 * 60 + 30, date: '2026-03-28' });
});

t.test('a time zone exists, or not', async t => {
  t.ok(isTimeZone('Europe/Paris'));
  for (const name of ['Europe/Nowhere', '', 'x'.repeat(1000)]) t.notOk(isTimeZone(name), name.slice(0, 20));
});
