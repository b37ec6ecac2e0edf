/** Which line of a stack is the second factor: our module, our command behind pam_exec, or the original's module. */
import type { PamEntry, PamPhase } from './pam-stack.ts';

export interface SecondFactor {
  readonly door: 'pam' | 'pam-exec' | 'original';
  /** `never`: this line does nothing in this phase (`phase=`, `type=`). */
  readonly asks: 'always' | 'never';
  /** Accounts that need no second factor get PAM_IGNORE from it. */
  readonly exemptIgnores: boolean;
}

/** Undefined: another module. */
export function secondFactorAt({ kind, module, words }: PamEntry, phase: PamPhase): SecondFactor | undefined {
  if (kind !== 'module') return undefined;
  switch (module.replace(/^.*\//, '')) {
    case 'pam_trasa.so':
      return ours(words, phase);
    case 'trasapam.so':
      // The original takes no words and has no account phase; ours under its name has this one (pam_trasa(8)).
      if (words.includes('prompt=trasa')) return ours(words, phase);
      return phase === 'auth' ? { door: 'original', asks: 'always', exemptIgnores: false } : undefined;
    case 'pam_exec.so':
      return ourCommand(words, phase);
    default:
      return undefined;
  }
}

function ours(words: readonly string[], phase: PamPhase): SecondFactor {
  const elsewhere = words.some(word => word.startsWith('phase=') && word !== `phase=${phase}`);
  return { door: 'pam', asks: elsewhere ? 'never' : 'always', exemptIgnores: words.includes('exempt=ignore') };
}

/** pam_exec's own options come first, in any case; the command begins with a slash. */
function ourCommand(words: readonly string[], phase: PamPhase): SecondFactor | undefined {
  const command = words.findIndex(word => word.startsWith('/'));
  if (words[command]?.endsWith('/trasa-agent') !== true || words[command + 1] !== 'pam') return undefined;
  const type = words.slice(0, command).findLast(word => /^type=/i.test(word));
  const elsewhere = type !== undefined && type.slice('type='.length).toLowerCase() !== phase;
  return { door: 'pam-exec', asks: elsewhere ? 'never' : 'always', exemptIgnores: false };
}
