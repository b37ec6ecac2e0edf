/**
 * Counters and gauges, and how Prometheus reads them (text exposition format 0.0.4). Labels are words of ours, never a
 * name or an address that somebody sent: there is a bounded number of series.
 */

export type Labels = Readonly<Record<string, string>>;

/** What is counted. The keys are the names. */
export const families = {
  trasa_proxy_connections_total: ['counter', 'Connections, by whether they were let near.'],
  trasa_proxy_logins_total: ['counter', 'Decisions about logins, by kind and by factor, rule or reason.'],
  trasa_proxy_failed_attempts_total: ['counter', 'Connections that failed to log in once more.'],
  trasa_proxy_sessions_started_total: ['counter', 'Sessions begun.'],
  trasa_proxy_sessions_ended_total: ['counter', 'Sessions over.'],
  trasa_proxy_session_seconds_total: ['counter', 'How long the sessions that are over have lasted, together.'],
  trasa_proxy_output_bytes_total: ['counter', 'Bytes that hosts have sent in the sessions that are over.'],
  trasa_proxy_channels_total: ['counter', 'What was run or opened, by kind.'],
  trasa_proxy_refused_total: ['counter', 'What was asked for within sessions and refused, by kind.'],
  trasa_proxy_protocol_errors_total: ['counter', 'Sessions ended because one side broke the protocol.'],
  trasa_proxy_recordings_total: ['counter', 'Recordings, by whether they were sealed or could not be kept.'],
  trasa_proxy_sessions: ['gauge', 'Sessions now.'],
  trasa_proxy_startups: ['gauge', 'Connections now that are not logged in yet.'],
  trasa_proxy_ready: ['gauge', '1 if it lets people in.'],
  process_resident_memory_bytes: ['gauge', 'Memory, by process.'],
  process_cpu_seconds_total: ['counter', 'Time on the processor, by process.'],
  process_start_time_seconds: ['gauge', 'When the process began, in seconds since 1970.'],
} as const satisfies Record<string, readonly ['counter' | 'gauge', string]>;

export type Family = keyof typeof families;

/** One series each: `family`, its labels as text, its value. Can be sent from one process to another. */
export type Sample = readonly [family: Family, labels: string, value: number];

export class Counters {
  readonly #values = new Map<string, Sample>();

  add(family: Family, labels: Labels = {}, by = 1): void {
    this.addAll([[family, textOf(labels), by]]);
  }

  /** What another has counted, which counts no more. */
  addAll(samples: readonly Sample[]): void {
    for (const [family, text, value] of samples) {
      const key = family + text;
      this.#values.set(key, [family, text, (this.#values.get(key)?.[2] ?? 0) + value]);
    }
  }

  get samples(): readonly Sample[] {
    return [...this.#values.values()];
  }
}

/** A sample of one moment. */
export function gauge(family: Family, value: number, labels: Labels = {}): Sample {
  return [family, textOf(labels), value];
}

/** Of several processes: the same series of each are added up. */
export function exposition(samples: readonly Sample[]): string {
  const byFamily = new Map<Family, Map<string, number>>();
  for (const [family, labels, value] of samples) {
    const series = byFamily.get(family) ?? new Map<string, number>();
    byFamily.set(family, series.set(labels, (series.get(labels) ?? 0) + value));
  }
  const lines: string[] = [];
  for (const [family, series] of byFamily) {
    const [type, help] = families[family];
    lines.push(`# HELP ${family} ${help}`, `# TYPE ${family} ${type}`);
    for (const [labels, value] of series) lines.push(`${family}${labels} ${value}`);
  }
  return lines.map(line => `${line}\n`).join('');
}

function textOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
