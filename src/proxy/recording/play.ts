/** Shows a recording again. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { cleanText } from '../../protocol/clean.ts';
import { objectOf, parseLine } from './parse.ts';
import { openRecording, timeOf } from './shelf.ts';
import { asBefore, TerminalFilter } from './terminal-filter.ts';

export interface PlayOptions {
  /** Twice as fast: 2. Infinity: without a pause. */
  readonly speed: number;
  /** No pause is longer than this, before the speed is taken into account. */
  readonly idleLimitMs: number;
}

export interface PlayPorts {
  /** Settles when there is room for more. */
  readonly write: (text: string) => Promise<void>;
  readonly wait: (ms: number) => Promise<void>;
}

/** To its end. Throws if it cannot be read. */
export async function play(directory: string, file: string, options: PlayOptions, ports: PlayPorts): Promise<void> {
  const input = createReadStream('', { fd: openRecording(directory, file) });
  const isTerminal = file.endsWith('.cast');
  const show = isTerminal ? screenOf() : report;
  let at = 0;
  let isFirst = true;
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    const event = parseLine(line);
    if (isFirst) {
      isFirst = false;
      if (!isTerminal) await ports.write(titleOf(event));
      continue;
    }
    if (event === undefined) continue; // cut off
    const pause = Math.min(timeOf(event) * 1000 - at, options.idleLimitMs) / options.speed;
    at = timeOf(event) * 1000;
    if (pause >= 1) await ports.wait(pause);
    await ports.write(show(event));
  }
  await ports.write(restore(file));
}

/** What makes a terminal usual again, wherever the recording was stopped. */
export function restore(file: string): string {
  return file.endsWith('.cast') ? `${asBefore}\r\n` : '';
}

function screenOf(): (event: unknown) => string {
  const filter = new TerminalFilter();
  return event => {
    if (!Array.isArray(event)) return '';
    const [, code, data] = event as unknown[];
    return code === 'o' && typeof data === 'string' ? filter.write(data) : '';
  };
}

function titleOf(header: unknown): string {
  const { title, command } = objectOf(header);
  const what = typeof command === 'string' ? `\n$ ${cleanText(command, 1000)}` : '';
  return `${typeof title === 'string' ? cleanText(title, 500) : 'a recording'}${what}\n`;
}

/** One line, or as many as a program printed. */
function report(line: unknown): string {
  const { at, event, ...facts } = objectOf(line);
  const time = `${typeof at === 'number' ? at.toFixed(3) : '?'}s`.padStart(10);
  const { stream, text } = facts;
  if (event === 'output' && typeof text === 'string') {
    const lines = text.replace(/\n$/, '').split('\n');
    return lines.map(one => `${time} ${String(stream)}| ${cleanText(one, 4000)}\n`).join('');
  }
  return `${time} ${cleanText(String(event), 40)}${factsText(facts)}\n`;
}

function factsText(facts: object): string {
  return Object.entries(facts)
    .map(([name, value]) => ` ${cleanText(name, 40)}=${valueText(value)}`)
    .join('');
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return /^[\w./:-]+$/.test(value) ? value : JSON.stringify(cleanText(value, 1000));
  return cleanText(JSON.stringify(value), 2000);
}
