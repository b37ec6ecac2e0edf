/**
 * A recording as asciicast v2 (docs.asciinema.org/manual/asciicast/v2): one header line, then one line per event.
 * Output and resizes only, never input. How the session ended is a marker event at the end, `exit 0` or `signal 9`,
 * since v2 has no event of its own for it.
 */
import { maxRecordChunk } from '../protocol/messages.ts';

export interface Window {
  readonly columns: number;
  readonly rows: number;
}

export function headerLine(window: Window, startedAt: number, env: Readonly<Record<string, string>>): string {
  const { columns: width, rows: height } = window;
  return JSON.stringify({ version: 2, width, height, timestamp: Math.floor(startedAt / 1000), env });
}

/** @param atMs time since the start of the recording */
export function eventLine(atMs: number, code: 'o' | 'r' | 'm', data: string): string {
  return JSON.stringify([Math.max(0, Math.round(atMs)) / 1000, code, data]);
}

/** Cuts `text` so that each piece makes an event line of at most `maxRecordChunk` bytes; no character is cut in two. */
export function cutForEvents(text: string): string[] {
  const room = maxRecordChunk - 32; // for the time, the code and the brackets
  if (text === '') return [];
  if (text.length <= room && Buffer.byteLength(JSON.stringify(text)) <= room) return [text];
  const middle = Math.floor(text.length / 2);
  const isPair = text.codePointAt(middle - 1) !== text.charCodeAt(middle - 1);
  const cut = isPair ? middle + 1 : middle;
  return [...cutForEvents(text.slice(0, cut)), ...cutForEvents(text.slice(cut))];
}
