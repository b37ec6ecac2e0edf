/**
 * Is there a way through a stack that ends with the person let in, though the second factor was not passed? Every way is
 * tried: each entry returns each code that it can, and libpam's rules say where that leads.
 */
import { actionOf, type PamReturn, pamCodes } from './pam-control.ts';
import { beginning, type DispatchState, dispatch, resultOf } from './pam-dispatch.ts';
import type { PamEntry, PamPhase } from './pam-stack.ts';
import { secondFactorAt } from './second-factor.ts';

export interface PamStep {
  readonly entry: PamEntry;
  readonly returned: PamReturn;
}

export type Way =
  /** What was called, in order, and what it returned. Lines that were jumped over are not in it. */
  | { readonly kind: 'found'; readonly steps: readonly PamStep[]; readonly result: PamReturn }
  | { readonly kind: 'none' }
  /** More turns than are tried: a stack that no person would write. */
  | { readonly kind: 'unknown' };

/** The codes that an entry can return. The walk asks about modules only. */
export type ReturnsOf = (entry: PamEntry) => readonly PamReturn[];

/** A shortest way in on which the second factor was not passed: its line not reached, or its refusal without effect. */
export function wayAround(stack: readonly PamEntry[], phase: PamPhase, returnsOf = usualReturns(phase)): Way {
  return search(stack, phase, returnsOf, false);
}

/** A shortest way in on which it was. If there is none, nobody gets in who is asked. */
export function wayThrough(stack: readonly PamEntry[], phase: PamPhase, returnsOf = usualReturns(phase)): Way {
  return search(stack, phase, returnsOf, true);
}

/**
 * Modules of libpam that have no choice are known; ours is known by its manual; of any other, everything is expected but
 * PAM_INCOMPLETE and PAM_CONV_AGAIN, which are between an application with an event loop and its modules.
 */
export function usualReturns(phase: PamPhase): ReturnsOf {
  return entry => {
    const ours = secondFactorAt(entry, phase);
    if (ours?.asks === 'never') return ['ignore'];
    if (ours !== undefined) return ours.exemptIgnores ? [...oursReturns, 'ignore'] : oursReturns;
    switch (entry.module.replace(/^.*\//, '')) {
      case 'pam_permit.so':
        return ['success'];
      case 'pam_deny.so':
        return ['auth_err'];
      case 'pam_warn.so':
        return ['ignore'];
      default:
        return anyReturn;
    }
  };
}

/** The likeliest first: of several ways of one length the first is shown. */
const anyReturn: readonly PamReturn[] = [...new Set<PamReturn>(['success', 'auth_err', 'ignore', ...pamCodes])].filter(
  code => code !== 'incomplete' && code !== 'conv_again',
);
const oursReturns = anyReturn.filter(code => code !== 'ignore' && code !== 'new_authtok_reqd');

/** A stack of 100 lines from which the walk can turn everywhere needs some thousands. */
const maxStates = 100_000;

interface Node {
  readonly state: DispatchState;
  readonly passed: boolean;
  readonly step: PamStep | undefined;
  readonly before: Node | undefined;
}

function search(stack: readonly PamEntry[], phase: PamPhase, returnsOf: ReturnsOf, wanted: boolean): Way {
  const nodes: Node[] = [{ state: beginning, passed: false, step: undefined, before: undefined }];
  const seen = new Set<string>();
  for (const node of nodes) {
    const result = resultOf(stack, node.state);
    if (result !== undefined) {
      if (node.passed === wanted && letsIn(phase, result)) return { kind: 'found', steps: stepsTo(node), result };
      continue;
    }
    if (nodes.length > maxStates) return { kind: 'unknown' };
    for (const next of turnsFrom(stack, phase, returnsOf, node)) {
      const key = JSON.stringify([next.state, next.passed]);
      if (seen.has(key)) continue;
      seen.add(key);
      nodes.push(next);
    }
  }
  return { kind: 'none' };
}

function turnsFrom(stack: readonly PamEntry[], phase: PamPhase, returnsOf: ReturnsOf, node: Node): Node[] {
  const entry = stack[node.state.next];
  if (entry === undefined) return [];
  if (entry.kind === 'substack')
    return [{ ...node, state: dispatch(stack, node.state, 'success'), step: undefined, before: node }];
  const codes = entry.kind === 'fails' ? (['perm_denied'] as const) : different(entry, returnsOf(entry));
  return codes.map(returned => ({
    state: dispatch(stack, node.state, returned),
    passed: node.passed || passes(entry, phase, returned),
    step: { entry, returned },
    before: node,
  }));
}

/** pam_trasa returns PAM_IGNORE for those of whom no rule asks a second factor, if it was told to. */
function passes(entry: PamEntry, phase: PamPhase, returned: PamReturn): boolean {
  const ours = secondFactorAt(entry, phase);
  return ours !== undefined && ours.asks !== 'never' && (returned === 'success' || returned === 'ignore');
}

/** In the account phase PAM_NEW_AUTHTOK_REQD means: change the password, and come in (pam_acct_mgmt(3)). */
function letsIn(phase: PamPhase, result: PamReturn): boolean {
  return result === 'success' || (phase === 'account' && result === 'new_authtok_reqd');
}

/** One code of those that lead to the same: there is no need to try thirty kinds of failure. */
function different(entry: PamEntry, codes: readonly PamReturn[]): PamReturn[] {
  const kinds = new Map<string, PamReturn>();
  for (const code of codes) {
    const means = code === 'success' || code === 'ignore' || code === 'new_authtok_reqd' ? code : 'failure';
    const kind = `${means} ${actionOf(entry.control, code)}`;
    if (!kinds.has(kind)) kinds.set(kind, code);
  }
  return [...kinds.values()];
}

function stepsTo(end: Node): PamStep[] {
  const steps: PamStep[] = [];
  for (let node: Node | undefined = end; node !== undefined; node = node.before)
    if (node.step !== undefined) steps.unshift(node.step);
  return steps;
}
