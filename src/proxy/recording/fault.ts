import { DiskTooFull } from '../../host/disk-space.ts';

/** Why a session cannot be recorded. */
export interface Fault {
  /** For the person, who is to know no path of this host. */
  readonly says: string;
  /** For the log. */
  readonly detail: string;
}

/** Of what passes, not of the disk. */
export function unrecordable(what: string): Fault {
  return { says: what, detail: what };
}

export function faultOf(error: unknown): Fault {
  const detail = error instanceof Error ? error.message : String(error);
  return { says: saying(error), detail };
}

function saying(error: unknown): string {
  if (error instanceof DiskTooFull) return 'the disk of the proxy is full';
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return 'the disk of the proxy is full';
  return 'its file cannot be written';
}
