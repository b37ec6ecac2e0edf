/** Decisions as they stand in the log, looked through again. */
import type { Decision } from '../policy/decision.ts';
import { cleanText } from '../protocol/clean.ts';

export const outcomes = ['allow', 'bypass', 'deny'] as const satisfies readonly Decision['kind'][];

export interface LoggedDecision {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly account: string;
  readonly person: string;
  readonly outcome: Decision['kind'];
  /** Factor, rule or reason. */
  readonly reason: string;
  readonly client: string;
  readonly service: string;
  readonly door: string;
  readonly attempt: string;
  readonly detail: string;
  /** The whole line, as it was written. */
  readonly line: string;
}

/** What to look for; what is absent is not looked at. */
export interface DecisionFilter {
  /** The account, or the person's TRASA ID. */
  readonly user?: string | undefined;
  readonly outcome?: Decision['kind'] | undefined;
  readonly reason?: string | undefined;
  /** Milliseconds since 1970, both included. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** Undefined if the line is no decision: the daemon says other things, and a journal holds other people's lines. */
export function readDecision(line: string): LoggedDecision | undefined {
  const event = parse(line);
  if (event?.['event'] !== 'decision') return undefined;
  const outcome = outcomes.find(known => known === event['decision']);
  const at = Date.parse(textOf(event['time']));
  if (outcome === undefined || Number.isNaN(at)) return undefined;
  const field = (name: string): string => cleanText(textOf(event[name]), 200);
  return {
    at,
    outcome,
    account: field('account'),
    person: field('person'),
    reason: field('reason'),
    client: field('client'),
    service: field('service'),
    door: field('door'),
    attempt: field('attempt'),
    detail: field('detail'),
    line: JSON.stringify(event),
  };
}

export function matches(decision: LoggedDecision, { user, outcome, reason, since, until }: DecisionFilter): boolean {
  if (user !== undefined && decision.account !== user && decision.person !== user) return false;
  if (outcome !== undefined && decision.outcome !== outcome) return false;
  if (reason !== undefined && decision.reason !== reason) return false;
  return decision.at >= (since ?? -Infinity) && decision.at <= (until ?? Infinity);
}

/** One row each, in columns, with a head. */
export function table(decisions: readonly LoggedDecision[]): readonly string[] {
  const head = ['TIME', 'DECISION', 'REASON', 'ACCOUNT', 'PERSON', 'CLIENT', 'SERVICE', 'ID'];
  const rows = decisions.map(({ at, outcome, reason, account, person, client, service, door, attempt }) => [
    `${new Date(at).toISOString().slice(0, 19)}Z`,
    outcome,
    reason,
    account,
    person,
    client,
    `${service}/${door}`,
    attempt,
  ]);
  const all = [head, ...rows].map(row => row.map(cell => (cell === '' ? '-' : cell)));
  const widths = head.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)));
  return all.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/**
 * A time as an administrator writes it: `2h` (ago; also s, m, d, w), or ISO 8601, a day alone being its beginning in UTC.
 * Milliseconds since 1970; undefined if it is none.
 */
export function parseTime(text: string, now: number): number | undefined {
  const [, count, unit = ''] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  if (count !== undefined) return now - Number(count) * (unitMs[unit] ?? 0);
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

const unitMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
