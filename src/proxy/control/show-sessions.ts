import { cleanText } from '../../protocol/clean.ts';
import type { SessionReport } from '../crew/messages.ts';

/** One line for each session, for a terminal. */
export function showSessions(sessions: readonly SessionReport[], now: number): string[] {
  return sessions.map(({ id, person, account, service, client, since, channels, bytesIn, bytesOut, isRecorded }) =>
    [
      id,
      `${person} to ${account}@${service} from ${client}`,
      `for ${showDuration(now - since)}`,
      `${showBytes(bytesIn)} in, ${showBytes(bytesOut)} out`,
      ...(isRecorded ? ['recorded'] : []),
      channels.join(', ') || 'nothing open',
    ]
      .map(text => cleanText(text, 300))
      .join('  '),
  );
}

function showDuration(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes === 0) return `${Math.max(0, Math.floor(ms / 1000))} s`;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes} min` : `${hours} h ${minutes % 60} min`;
}

function showBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const kib = bytes / 1024;
  return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}
