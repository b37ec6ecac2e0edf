/**
 * How Linux-PAM combines what the modules of a stack return: `_pam_dispatch_aux` of libpam/pam_dispatch.c, one module at a
 * time, so that pam-walk.ts can try every code that a module might return.
 */
import { type Action, actionOf, type PamReturn } from './pam-control.ts';
import type { PamEntry } from './pam-stack.ts';

export interface Verdict {
  readonly impression: 'none' | 'positive' | 'negative';
  readonly status: PamReturn;
}

export interface DispatchState {
  /** Index of the next entry; the length of the stack: it has ended. */
  readonly next: number;
  readonly verdict: Verdict;
  /** What it was when each substack around was entered; [0]: at the beginning. */
  readonly entered: readonly Verdict[];
  /** Level of the entry before, if that was not skipped. */
  readonly levelBefore: number;
}

/** Nothing has succeeded yet, so it is a refusal (PAM_MUST_FAIL_CODE). */
const nothingYet: Verdict = { impression: 'none', status: 'perm_denied' };

export const beginning: DispatchState = { next: 0, verdict: nothingYet, entered: [nothingYet], levelBefore: 0 };

/** What the application gets; defined once the stack has ended. */
export function resultOf(stack: readonly PamEntry[], { next, verdict }: DispatchState): PamReturn | undefined {
  if (next < stack.length) return undefined;
  return verdict.status === 'success' && verdict.impression !== 'positive' ? 'perm_denied' : verdict.status;
}

/** The entry at `next` has returned `code`. Of a substack's own entry the code is not looked at. */
export function dispatch(
  stack: readonly PamEntry[],
  { next, verdict, entered, levelBefore }: DispatchState,
  code: PamReturn,
): DispatchState {
  const entry = stack[next];
  if (entry === undefined) return { next, verdict, entered, levelBefore };
  const { level } = entry;
  const around = levelBefore < level ? [...entered.slice(0, level), verdict] : entered;
  const go = (to: number, then: Verdict): DispatchState => ({
    next: to,
    verdict: then,
    entered: around,
    levelBefore: level,
  });
  if (entry.kind === 'substack') return go(next + 1, verdict);

  const action = actionOf(entry.control, code);
  if (typeof action === 'number') {
    const jump = jumpFrom(stack, next, action);
    return go(jump.to, jump.whole ? verdict : { impression: 'negative', status: 'perm_denied' });
  }
  switch (action) {
    case 'ignore':
      return go(next + 1, verdict);
    case 'reset':
      return go(next + 1, around[level] ?? nothingYet);
    case 'ok':
    case 'done': {
      const after = approved(verdict, code);
      return go(action === 'done' && after.impression === 'positive' ? endOf(stack, next) : next + 1, after);
    }
    case 'bad':
    case 'die':
      return go(action === 'die' ? endOf(stack, next) : next + 1, refused(verdict, code));
  }
}

function approved(verdict: Verdict, code: PamReturn): Verdict {
  const isOpen = verdict.impression === 'none' || (verdict.impression === 'positive' && verdict.status === 'success');
  return isOpen ? { impression: 'positive', status: code } : verdict;
}

function refused(verdict: Verdict, code: PamReturn): Verdict {
  if (verdict.impression === 'negative') return verdict;
  return { impression: 'negative', status: code === 'ignore' ? 'perm_denied' : code };
}

/** Behind the last entry of this substack, or of the whole stack. */
function endOf(stack: readonly PamEntry[], index: number): number {
  const level = stack[index]?.level ?? 0;
  let last = index;
  while ((stack[last + 1]?.level ?? -1) >= level) last += 1;
  return last + 1;
}

/** A substack counts as one. `whole`: there were as many as were to be skipped. */
function jumpFrom(
  stack: readonly PamEntry[],
  index: number,
  count: Action & number,
): { readonly to: number; readonly whole: boolean } {
  const level = stack[index]?.level ?? 0;
  let last = index;
  let left = count;
  while (left > 0 && (stack[last + 1]?.level ?? -1) >= level) {
    last += 1;
    while ((stack[last + 1]?.level ?? -1) > level) last += 1;
    left -= 1;
  }
  return { to: last + 1, whole: left === 0 };
}
