import { gauge, type Sample } from './counters.ts';

/** What this process costs. */
export function processSamples(role: 'primary' | 'worker'): readonly Sample[] {
  const { user, system } = process.cpuUsage();
  return [
    gauge('process_resident_memory_bytes', process.memoryUsage.rss(), { process: role }),
    gauge('process_cpu_seconds_total', (user + system) / 1e6, { process: role }),
  ];
}
