import { readOfflineFile } from '../store/offline-file.ts';
import { type Mark, readMarks } from '../store/offline-marks.ts';

/** One prepared factor. Times are ISO 8601, UTC. */
export interface FactorStatus {
  readonly account: string;
  readonly factor: 'offline-totp' | 'recovery-code';
  readonly expires: string;
  readonly isExpired: boolean;
  /** Of recovery codes; undefined for a time-based credential. */
  readonly left: number | undefined;
  /** Of a time-based credential. */
  readonly digits: number | undefined;
  readonly lastUsed: string | undefined;
}

/** All that is prepared on this host; or a string: why that cannot be told. */
export function offlineStatus(directory: string, now: number): readonly FactorStatus[] | string {
  const file = readOfflineFile(directory);
  if (file.kind === 'broken') return file.text;
  if (file.kind === 'missing') return [];
  const marks = readMarks(directory);
  if (typeof marks === 'string') return marks;
  return file.accounts.flatMap(({ account, totp, codes }) => {
    const rows: FactorStatus[] = [];
    if (totp !== undefined)
      rows.push({
        account,
        factor: 'offline-totp',
        left: undefined,
        digits: totp.digits,
        ...common(totp, marks, now),
      });
    if (codes !== undefined) {
      const used = new Set(marks.filter(({ id }) => id === codes.id).map(({ place }) => place));
      const left = codes.hashes.filter((_, place) => !used.has(place)).length;
      rows.push({ account, factor: 'recovery-code', left, digits: undefined, ...common(codes, marks, now) });
    }
    return rows;
  });
}

function common({ id, expiresAt }: { id: string; expiresAt: number }, marks: readonly Mark[], now: number) {
  const lastUsedAt = Math.max(0, ...marks.filter(mark => mark.id === id).map(({ usedAt }) => usedAt));
  return {
    expires: new Date(expiresAt).toISOString(),
    isExpired: expiresAt <= now,
    lastUsed: lastUsedAt === 0 ? undefined : new Date(lastUsedAt).toISOString(),
  };
}
