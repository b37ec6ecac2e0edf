/**
 * Working hours, as `Mon-Fri 08:00-18:00, Sat 10:00-12:00`. A span over midnight (`22:00-06:00`) belongs to the day on
 * which it begins. Without a span a day counts whole. Pure but for the time zone tables of Intl.
 */
export interface Hours {
  readonly spans: readonly Span[];
}

interface Span {
  /** 0 is Sunday. */
  readonly days: readonly number[];
  /** Minutes since midnight; `until` is beyond 1440 for a span over midnight, and itself outside. */
  readonly from: number;
  readonly until: number;
}

/** Undefined if the text says no hours. Empty text: always. */
export function parseHours(text: string): Hours | undefined {
  if (text.trim() === '') return { spans: [{ days: [0, 1, 2, 3, 4, 5, 6], from: 0, until: dayMinutes }] };
  const spans = text.split(',').map(parseSpan);
  return spans.every(span => span !== undefined) ? { spans } : undefined;
}

/** A moment as a clock and a calendar on a wall in some time zone show it. */
export interface WallTime {
  /** 0 is Sunday. */
  readonly day: number;
  readonly minute: number;
  /** YYYY-MM-DD */
  readonly date: string;
}

export function withinHours(hours: Hours, { day, minute }: WallTime): boolean {
  return hours.spans.some(
    ({ days, from, until }) =>
      (days.includes(day) && minute >= from && minute < until) ||
      (days.includes((day + 6) % 7) && minute + dayMinutes < until), // what yesterday's span left over
  );
}

/** Throws a RangeError for a time zone that does not exist; see {@link isTimeZone}. */
export function wallTime(now: number, timeZone: string): WallTime {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? '';
  return {
    day: dayNames.indexOf(part('weekday').toLowerCase()),
    minute: Number(part('hour')) * 60 + Number(part('minute')),
    date: `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`,
  };
}

export function isTimeZone(name: string): boolean {
  try {
    wallTime(0, name);
    return true;
  } catch {
    return false;
  }
}

/** A day of the calendar, as YYYY-MM-DD. */
export function isDay(text: string): boolean {
  const at = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const dayMinutes = 24 * 60;

function parseSpan(text: string): Span | undefined {
  const match = /^([a-z]{3})(?:-([a-z]{3}))?(?: +(\d\d):(\d\d)-(\d\d):(\d\d))?$/.exec(text.trim().toLowerCase());
  if (match === null) return undefined;
  const [, firstDay = '', lastDay = firstDay, ...clock] = match;
  const days = daysFrom(dayNames.indexOf(firstDay), dayNames.indexOf(lastDay));
  const [from = 0, until = dayMinutes] = clock[0] === undefined ? [] : [minutes(clock, 0), minutes(clock, 2)];
  if (days === undefined || Number.isNaN(from + until) || from === until) return undefined;
  return { days, from, until: until < from ? until + dayMinutes : until };
}

/** All days from one to the other, round the week. */
function daysFrom(first: number, last: number): number[] | undefined {
  if (first === -1 || last === -1) return undefined;
  const count = ((last - first + 7) % 7) + 1;
  return Array.from({ length: count }, (_, index) => (first + index) % 7);
}

/** NaN for a time that no clock shows; 24:00 is the end of the day. */
function minutes(clock: readonly (string | undefined)[], at: number): number {
  const hour = Number(clock[at]);
  const minute = Number(clock[at + 1]);
  return hour * 60 + minute <= dayMinutes && minute < 60 ? hour * 60 + minute : Number.NaN;
}
