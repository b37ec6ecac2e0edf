/** By which methods sshd lets somebody in (auth2.c, auth.c of OpenSSH), from what `sshd -T` says. */
import type { SshdSettings } from '../system/sshd-settings.ts';
import type { AccountFacts } from './facts.ts';

/** What must be passed, all of it, to get in; each is one method of sshd without its submethod. */
export type Methods = readonly string[];

export interface WaysIn {
  readonly open: readonly Methods[];
  /** Lists that sshd ignores because it has turned off one of their methods. */
  readonly off: readonly Methods[];
  /** Lists that root cannot pass, because of PermitRootLogin. */
  readonly notForRoot: readonly Methods[];
}

/** sshd's setting for each method. */
export const switches: Readonly<Record<string, string>> = {
  publickey: 'pubkeyauthentication',
  password: 'passwordauthentication',
  'keyboard-interactive': 'kbdinteractiveauthentication',
  hostbased: 'hostbasedauthentication',
  'gssapi-with-mic': 'gssapiauthentication',
};

export function waysIn(settings: SshdSettings, isRoot: boolean): WaysIn {
  const isOn = (method: string): boolean => {
    const name = switches[method];
    const isPossible = method !== 'keyboard-interactive' || settings.first('usepam') === 'yes'; // it has nothing to ask
    return name !== undefined && isPossible && settings.first(name) === 'yes';
  };
  const wanted = settings.first('authenticationmethods') ?? 'any';
  const lists =
    wanted === 'any'
      ? Object.keys(switches)
          .filter(isOn)
          .map(method => [method])
      : wanted.split(' ').map(list => list.split(',').map(method => method.replace(/:.*$/, '')));
  const off = lists.filter(list => !list.every(isOn));
  const on = lists.filter(list => list.every(isOn));
  const forbidden = isRoot && /^(without|prohibit)-password$/.test(settings.first('permitrootlogin') ?? '');
  return {
    open: forbidden ? on.filter(isForRoot) : on,
    off,
    notForRoot: forbidden ? on.filter(list => !isForRoot(list)) : [],
  };
}

/** `PermitRootLogin prohibit-password` refuses root these, even as one of several. */
const typed: readonly string[] = ['password', 'keyboard-interactive'];

function isForRoot(methods: Methods): boolean {
  return !methods.some(method => typed.includes(method));
}

/** Does sshd let this account in at all? Only what is certain counts: a pattern with a host in it may or may not fit. */
export function mayLogIn(settings: SshdSettings, { name, user, groups }: AccountFacts): boolean {
  if (user?.uid === 0 && settings.first('permitrootlogin') === 'no') return false;
  const fits = (setting: string, one: string): boolean | undefined => {
    const patterns = settings.all(setting).flatMap(value => value.split(' '));
    if (patterns.length === 0) return undefined;
    return patterns.some(pattern => glob(pattern).test(one));
  };
  const groupsFit = (setting: string): boolean | undefined => {
    const answers = groups?.map(group => fits(setting, group)) ?? [undefined];
    return answers.every(answer => answer === undefined) ? undefined : answers.includes(true);
  };
  const allowed = settings.all('allowusers').flatMap(value => value.split(' '));
  const isAllowed = allowed.length === 0 || allowed.some(pattern => glob(pattern.replace(/@.*$/, '')).test(name));
  const isDenied = fits('denyusers', name) === true || groupsFit('denygroups') === true;
  return isAllowed && !isDenied && groupsFit('allowgroups') !== false;
}

/** A pattern of ssh_config(5), PATTERNS: `*` and `?`. */
export function glob(pattern: string): RegExp {
  const source = pattern.replace(/[^*?]/g, char => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'u');
}
