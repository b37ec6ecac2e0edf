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
    case 'pam_trasa.so': {
      const elsewhere = words.some(word => word.startsWith('phase=') && word !== `phase=${phase}`);
      return { door: 'pam', asks: elsewhere ? 'never' : 'always', exemptIgnores: words.includes('exempt=ignore') };
    }
    case 'trasapam.so':
      return { door: 'original', asks: phase === 'auth' ? 'always' : 'never', exemptIgnores: false };
    case 'pam_exec.so': {
      const command = words.findIndex(word => word.startsWith('/'));
      if (!/(^|\/)trasa-agent$/.test(words[command] ?? '') || words[command + 1] !== 'pam') return undefined;
      const type = words
        .slice(0, command)
        .findLast(word => /^type=/i.test(word))
        ?.slice('type='.length);
      const asks = type === undefined || type.toLowerCase() === phase ? 'always' : 'never';
      return { door: 'pam-exec', asks, exemptIgnores: false };
    }
    default:
      return undefined;
  }
}
