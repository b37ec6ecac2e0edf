/** Does a phase of a PAM service ask for the second factor? */
import type { PamEntry, PamPhase, PamService } from '../system/pam-stack.ts';
import { secondFactorAt } from '../system/second-factor.ts';

export type AskingPhase = Extract<PamPhase, 'auth' | 'account'>;

/** The lines of the phase that ask, in their order. None: nothing asks, or libpam refuses everybody anyway. */
export function askingLines(service: PamService | undefined, phase: AskingPhase): PamEntry[] {
  if (service?.kind !== 'parsed') return [];
  return service.stacks[phase].filter(entry => secondFactorAt(entry, phase)?.asks === 'always');
}

/** Longest wait of a line of ours, in seconds; undefined: the original's, which has none. */
export function timeoutOf(entry: PamEntry, phase: AskingPhase): number | undefined {
  switch (secondFactorAt(entry, phase)?.door) {
    case 'pam': {
      const word = entry.words.findLast(one => one.startsWith('timeout='));
      return word === undefined ? usualTimeout : Number(word.slice('timeout='.length));
    }
    case 'pam-exec': {
      const words = entry.words.flatMap(word => word.split('=', 2));
      const at = words.lastIndexOf('--timeout');
      return at === -1 ? usualTimeout : Number(words[at + 1]);
    }
    case 'original':
    case undefined:
      return undefined;
  }
}

/** Of pam_trasa and of `trasa-agent pam`, in seconds. */
const usualTimeout = 115;

export function placeOf({ place }: PamEntry): string {
  return `${place.file}:${place.line}`;
}
