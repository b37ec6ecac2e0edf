/** By which methods somebody gets in, and whether something asks for a second factor on each. */

import type { SshdSettings } from '../../system/sshd-settings.ts';
import type { AccountFacts, Facts, Probe } from '../facts.ts';
import { type Finding, found } from '../finding.ts';
import { askingLines, placeOf } from '../guard.ts';
import { type Methods, mayLogIn, switches, type WaysIn, waysIn } from '../ways-in.ts';
import { isAsked } from './accounts.ts';

/** A connection that sshd has answered about, of an account that can log in. */
export interface View {
  readonly facts: Facts;
  readonly account: AccountFacts;
  readonly settings: SshdSettings;
  readonly who: string;
  /** Evidence: what these settings are. */
  readonly show: (...names: readonly string[]) => string[];
  readonly ways: WaysIn;
  /** sshd runs `trasa-agent login` instead of what was asked for. */
  readonly isForced: boolean;
  /** Which phases of PAM ask, if sshd asks PAM. */
  readonly asks: { readonly auth: boolean; readonly account: boolean };
}

export function viewsOf(facts: Facts): View[] {
  if (facts.sshd.kind === 'refused') return [];
  return facts.sshd.probes.flatMap(probe => {
    const view = viewOf(facts, probe);
    return view === undefined ? [] : [view];
  });
}

function viewOf(facts: Facts, { account, origin, settings: asked }: Probe): View | undefined {
  if (asked.kind === 'failed' || !mayLogIn(asked.answer, account)) return undefined;
  const settings = asked.answer;
  const service = sshdService(facts, settings);
  const usesPam = settings.first('usepam') === 'yes';
  return {
    facts,
    account,
    settings,
    show: showing(facts, settings),
    who: origin === '' ? account.name : `${account.name} ${origin}`,
    ways: waysIn(settings, account.user?.uid === 0),
    isForced: /\btrasa-agent\s+login\b/.test(settings.first('forcecommand') ?? ''),
    asks: {
      auth: usesPam && askingLines(service, 'auth').length > 0,
      account: usesPam && askingLines(service, 'account').length > 0,
    },
  };
}

/** PAMServiceName came with OpenSSH 9.8; before, it is the program's name. */
export function sshdService({ services }: Facts, settings: SshdSettings) {
  const name = settings.first('pamservicename') ?? 'sshd';
  return services.find(service => service.name === name);
}

/** The methods end in a conversation with the auth phase of PAM. */
export function talksToPam(methods: Methods): boolean {
  return methods.some(method => method === 'keyboard-interactive' || method === 'password');
}

export function checkWaysIn(facts: Facts): Finding[] {
  const { sshd } = facts;
  if (sshd.kind === 'refused') return [refusal(sshd.why)];
  const refused = sshd.probes.flatMap(({ account, origin, settings }) =>
    settings.kind === 'failed'
      ? [
          found(
            'not-examined',
            'sshd does not say what it does',
            [settings.why],
            'sshd -T -C …',
            `${account.name} ${origin}`.trim(),
          ),
        ]
      : [],
  );
  const views = viewsOf(facts);
  return [...refused, ...views.flatMap(unguarded), ...views.flatMap(closed), ...views.flatMap(pamIsOff)];
}

/** Where systemd starts sshd with the first connection, it has no directory before; that is no fault. */
function refusal(why: string): Finding {
  if (why.startsWith('Missing privilege separation directory'))
    return found(
      'not-examined',
      'sshd is not running, and cannot be asked before it was started once',
      [why],
      'systemctl start ssh.service',
    );
  return found('sshd-refused', 'sshd does not accept its configuration', [why], 'sshd -t');
}

function unguarded({ facts, account, show, who, ways, isForced, asks }: View): Finding[] {
  if (!isAsked(facts, account) || isForced || asks.account) return [];
  return ways.open
    .filter(methods => !(asks.auth && talksToPam(methods)))
    .map(methods => {
      const evidence = show('authenticationmethods', 'usepam', 'forcecommand');
      return found(
        'sshd-unguarded',
        `${methods.join(' and ')} lets in, and nothing asks for a second factor`,
        evidence,
        mendFor(asks.auth),
        who,
      );
    });
}

function mendFor(authAsks: boolean): string {
  return authAsks
    ? 'AuthenticationMethods publickey,keyboard-interactive:pam (sshd_config)'
    : 'account required pam_trasa.so (/etc/pam.d/sshd, before @include common-account), and UsePAM yes (sshd_config)';
}

/** Nobody gets in by a list of which a method is turned off, or which root may not use. */
function closed({ settings, show, who, ways: { open, off, notForRoot } }: View): Finding[] {
  if (open.length > 0) return [];
  const [needed] = off;
  if (notForRoot.length > 0)
    return [
      found(
        'root-method',
        'root cannot log in: PermitRootLogin prohibit-password refuses keyboard-interactive and passwords',
        show('permitrootlogin', 'authenticationmethods'),
        'PermitRootLogin no, if that is meant; else Match User root, AuthenticationMethods publickey (sshd_config), and account required pam_trasa.so (/etc/pam.d/sshd)',
        who,
      ),
    ];
  if (needed === undefined) return [];
  const evidence = ['authenticationmethods', 'usepam', ...needed.flatMap(method => switches[method] ?? [])];
  const mend = settings.first('usepam') === 'yes' ? 'KbdInteractiveAuthentication yes' : 'UsePAM yes';
  return [
    found(
      'method-off',
      'nobody gets in: a method that AuthenticationMethods asks for is turned off',
      show(...evidence),
      needed.includes('keyboard-interactive')
        ? `${mend} (sshd_config)`
        : 'turn it on, or ask for another (sshd_config)',
      who,
    ),
  ];
}

function pamIsOff({ facts, settings, show, who }: View): Finding[] {
  if (settings.first('usepam') === 'yes') return [];
  const service = sshdService(facts, settings);
  const lines = [...askingLines(service, 'auth'), ...askingLines(service, 'account')];
  if (lines.length === 0) return [];
  const evidence = [...show('usepam'), ...lines.map(placeOf)];
  return [
    found(
      'usepam-off',
      'the PAM stack of sshd asks for the second factor, but sshd does not use PAM',
      evidence,
      'UsePAM yes (sshd_config)',
      who,
    ),
  ];
}

/** `setting value (file:line)`; the value is as `sshd -T` prints it, and the lines are all that set it, wherever they hold. */
function showing({ sshd }: Facts, settings: SshdSettings): View['show'] {
  return (...names) =>
    names.flatMap(name => {
      const places = sshd.kind === 'present' ? sshd.placesOf(name).slice(0, maxPlaces) : [];
      const where = places.length === 0 ? '' : ` (${places.join(', ')})`;
      return settings.all(name).map(value => `${name} ${value}${where}`);
    });
}

const maxPlaces = 3;
