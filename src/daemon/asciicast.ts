/** The lines of a recording (asciicast v2), read from a door that is not trusted and written anew. */
import type { LoginAttempt } from '../auth/attempt.ts';
import { cleanText } from '../protocol/clean.ts';

/**
 * The header line. Of the door's own header only the size of the terminal and its name are taken over; who it is and
 * when it began are ours to say. Throws if it is none.
 */
export function headerFrom(line: string, attempt: LoginAttempt, now: number): string {
  const said: unknown = JSON.parse(line);
  if (!isRecord(said)) throw new Error('not an asciicast header');
  const { width, height, env } = said;
  if (!isSize(width) || !isSize(height)) throw new Error('an asciicast header without a size');
  const from = attempt.clientAddress === undefined ? '' : ` from ${attempt.clientAddress}`;
  const header = {
    version: 2,
    width,
    height,
    timestamp: Math.floor(now / 1000),
    title: `${attempt.account}${from} [${attempt.id}]`,
    ...(attempt.command !== undefined && { command: attempt.command }),
    env: environmentFrom(env),
  };
  return `${JSON.stringify(header)}\n`;
}

/** An event line: time in seconds, code, data. Throws if it is none. */
export function eventFrom(line: string): string {
  const event: unknown = JSON.parse(line);
  if (!Array.isArray(event) || event.length !== 3) throw new Error('not an asciicast event');
  const [time, code, data] = event as unknown[];
  if (typeof time !== 'number' || !(time >= 0)) throw new Error('an asciicast event without a time');
  if (typeof code !== 'string' || !eventCodes.includes(code)) throw new Error('an asciicast event of unknown kind');
  if (typeof data !== 'string') throw new Error('an asciicast event without data');
  return `${JSON.stringify([time, code, data])}\n`;
}

/** Output, input, marker, resize. */
const eventCodes = ['o', 'i', 'm', 'r'];

function environmentFrom(env: unknown): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ['SHELL', 'TERM']) {
    const value = isRecord(env) ? env[name] : undefined;
    if (typeof value === 'string') kept[name] = cleanText(value, 128);
  }
  return kept;
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 10_000;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
