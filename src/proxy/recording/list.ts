import { lookAt, type Recorded, recordingNames } from './shelf.ts';

/** What to look for; what is absent is not looked at. */
export interface ListFilter {
  readonly person?: string | undefined;
  readonly account?: string | undefined;
  readonly service?: string | undefined;
  /** Milliseconds since 1970, of the start, both included. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** Oldest first. Throws if the directory cannot be read. */
export function listRecordings(directory: string, filter: ListFilter): Recorded[] {
  return recordingNames(directory)
    .map(name => lookAt(directory, name))
    .filter(recorded => matches(recorded, filter));
}

function matches(recorded: Recorded, { person, account, service, since, until }: ListFilter): boolean {
  if (person !== undefined && recorded.person !== person) return false;
  if (account !== undefined && recorded.account !== account) return false;
  if (service !== undefined && recorded.service !== service) return false;
  return recorded.startedAt >= (since ?? -Infinity) && recorded.startedAt <= (until ?? Infinity);
}

/** In columns, with a head. */
export function recordingsAsTable(all: readonly Recorded[]): string[] {
  const head = ['START', 'LENGTH', 'KIND', 'PERSON', 'ACCOUNT', 'SERVICE', 'CLIENT', 'SEALED', 'RECORDING', 'COMMAND'];
  const rows = all.map(one => [
    `${isoTime(one.startedAt).slice(0, 19)}Z`,
    duration(one.lengthMs),
    one.kind,
    one.person,
    one.account,
    one.service,
    one.client,
    one.isSealed ? 'yes' : 'no',
    one.file,
    one.command,
  ]);
  const cells = [head, ...rows].map(row => row.map(cell => (cell === '' ? '-' : cell)));
  const widths = head.map((_, column) => Math.max(...cells.map(row => row[column]?.length ?? 0)));
  return cells.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export function recordingsAsJson(all: readonly Recorded[]): string[] {
  return all.map(({ startedAt, lengthMs, isSealed, ...one }) =>
    JSON.stringify({ ...one, start: isoTime(startedAt), seconds: lengthMs / 1000, sealed: isSealed }),
  );
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return [hours, minutes, seconds % 60].map(part => String(part).padStart(2, '0')).join(':');
}

/** A header of somebody else's may say anything. */
function isoTime(ms: number): string {
  return new Date(Math.abs(ms) <= 8.64e15 ? ms : 0).toISOString();
}
