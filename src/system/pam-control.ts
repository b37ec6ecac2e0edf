/** Control flags of pam.d(5): what a stack does with each code that a module can return (libpam/pam_misc.c). */

/** The return codes by the names that a control flag gives them, in the order of their numbers (libpam/pam_tokens.h). */
export const pamCodes = [
  'success',
  'open_err',
  'symbol_err',
  'service_err',
  'system_err',
  'buf_err',
  'perm_denied',
  'auth_err',
  'cred_insufficient',
  'authinfo_unavail',
  'user_unknown',
  'maxtries',
  'new_authtok_reqd',
  'acct_expired',
  'session_err',
  'cred_unavail',
  'cred_expired',
  'cred_err',
  'no_module_data',
  'conv_err',
  'authtok_err',
  'authtok_recover_err',
  'authtok_lock_busy',
  'authtok_disable_aging',
  'try_again',
  'ignore',
  'abort',
  'authtok_expired',
  'module_unknown',
  'bad_item',
  'conv_again',
  'incomplete',
] as const;

export type PamReturn = (typeof pamCodes)[number];

/** A number: skip so many of the lines that follow. */
export type Action = 'ignore' | 'ok' | 'done' | 'bad' | 'die' | 'reset' | number;

export interface Control {
  readonly on: Readonly<Partial<Record<PamReturn, Action>>>;
  readonly otherwise: Action;
  /** Why libpam cannot read it, and so counts every code as `bad`; undefined if it can. */
  readonly fault?: string;
}

const words: Readonly<Record<string, Control>> = {
  required: { on: { success: 'ok', new_authtok_reqd: 'ok', ignore: 'ignore' }, otherwise: 'bad' },
  requisite: { on: { success: 'ok', new_authtok_reqd: 'ok', ignore: 'ignore' }, otherwise: 'die' },
  sufficient: { on: { success: 'done', new_authtok_reqd: 'done' }, otherwise: 'ignore' },
  optional: { on: { success: 'ok', new_authtok_reqd: 'ok' }, otherwise: 'ignore' },
};

export const everythingIsBad: Control = { on: {}, otherwise: 'bad' };

/** @param text a word, or what stood between brackets: libpam makes no difference */
export function parseControl(text: string): Control {
  return words[text.toLowerCase()] ?? parseRules(text);
}

export function actionOf({ on, otherwise }: Control, code: PamReturn): Action {
  return on[code] ?? otherwise;
}

/** As libpam tries them, each as a prefix of what is left. */
const returnNames: readonly (PamReturn | 'default')[] = [...pamCodes, 'default'];
const actionNames = ['ignore', 'ok', 'done', 'bad', 'die', 'reset'] as const;
const maxJump = 0x7fff_ffff;

/** `code=action …`, blanks anywhere. `default` is for the codes that no rule names; only the first one counts. */
function parseRules(text: string): Control {
  const on: Partial<Record<PamReturn, Action>> = {};
  let otherwise: Action | undefined;
  let rest = text.trimStart();
  while (rest !== '') {
    const code = returnNames.find(name => rest.startsWith(name));
    if (code === undefined) return broken('a return code', rest);
    rest = rest.slice(code.length).trimStart();
    if (!rest.startsWith('=')) return broken('=', rest);
    rest = rest.slice(1).trimStart();
    const word = actionNames.find(name => rest.startsWith(name));
    const digits = /^\d+/.exec(rest)?.[0] ?? '';
    const jump = Number(digits);
    if (word === undefined && (jump === 0 || jump > maxJump)) return broken('an action', rest);
    rest = rest.slice((word ?? digits).length).trimStart();
    if (code === 'default') otherwise ??= word ?? jump;
    else on[code] = word ?? jump;
  }
  return { on, otherwise: otherwise ?? 'bad' };
}

function broken(wanted: string, found: string): Control {
  const what = found === '' ? 'its end' : `"${found.slice(0, 30)}"`;
  return { ...everythingIsBad, fault: `expects ${wanted}, not ${what}` };
}
