/** sshd's own limits and methods, where PAM is the door. */

import type { PamEntry } from '../../system/pam-stack.ts';
import { usualReturns, wayThrough } from '../../system/pam-walk.ts';
import { secondFactorAt } from '../../system/second-factor.ts';
import type { Facts } from '../facts.ts';
import { type Finding, found } from '../finding.ts';
import { type AskingPhase, askingLines, placeOf, timeoutOf } from '../guard.ts';
import { isAsked } from './accounts.ts';
import { described } from './pam.ts';
import { sshdService, type View, viewsOf } from './sshd-ways.ts';

export function checkSshdWithPam(facts: Facts): Finding[] {
  return viewsOf(facts)
    .filter(({ account, asks }) => (asks.auth || asks.account) && isAsked(facts, account))
    .flatMap(view => [
      ...graceTime(view),
      ...maxStartups(view),
      ...passwordMethod(view),
      ...oneFactor(view),
      ...askedTwice(view),
    ]);
}

interface Line {
  readonly entry: PamEntry;
  readonly phase: AskingPhase;
}

function linesOf({ facts, settings }: View): Line[] {
  const service = sshdService(facts, settings);
  const of = (phase: AskingPhase): Line[] => askingLines(service, phase).map(entry => ({ entry, phase }));
  return [...of('auth'), ...of('account')];
}

/** LoginGraceTime is for all that comes before the session; 0: no limit. */
function graceTime(view: View): Finding[] {
  const { facts, settings, show, who } = view;
  const grace = Number(settings.first('logingracetime'));
  const login = facts.config.kind === 'loaded' ? facts.config.config.daemon.loginTimeoutMs / 1000 : 0;
  const late = linesOf(view).filter(({ entry, phase }) => (timeoutOf(entry, phase) ?? login) >= grace);
  if (!(grace > 0) || (late.length === 0 && login < grace)) return [];
  const [longest = login] = late.map(({ entry, phase }) => timeoutOf(entry, phase) ?? login).toSorted((a, b) => b - a);
  const evidence = [...show('logingracetime'), ...late.map(({ entry }) => placeOf(entry))];
  return [
    found(
      'grace-time',
      `sshd ends a login after ${grace} s, and the second factor may take ${longest} s`,
      evidence,
      `LoginGraceTime ${Math.max(120, longest + 5)} (sshd_config)`,
      who,
    ),
  ];
}

/** Below sshd's own default of 10. Each login that waits for its second factor counts. */
function maxStartups({ settings, show, who }: View): Finding[] {
  const start = Number(settings.first('maxstartups')?.split(':')[0]);
  if (!(start < 10)) return [];
  return [
    found(
      'max-startups',
      `sshd may drop logins while ${start} others wait for their second factor`,
      show('maxstartups'),
      'MaxStartups 100 (sshd_config)',
      who,
    ),
  ];
}

/** auth-passwd.c: hidden questions are answered with the password, others fail. */
function passwordMethod(view: View): Finding[] {
  const { show, who, ways } = view;
  const lines = linesOf(view).filter(({ phase }) => phase === 'auth');
  if (lines.length === 0 || !ways.open.some(methods => methods.includes('password'))) return [];
  const takesIt = lines.some(
    ({ entry, phase }) => secondFactorAt(entry, phase)?.door !== 'pam' && !entry.words.includes('--after-password'),
  );
  const what = takesIt
    ? "sshd's password method puts the password where the code belongs"
    : "sshd's password method cannot show the question for the code, so it lets nobody in";
  const evidence = [...show('passwordauthentication'), ...lines.map(({ entry }) => placeOf(entry))];
  return [
    found(
      'password-method',
      what,
      evidence,
      'PasswordAuthentication no and KbdInteractiveAuthentication yes (sshd_config)',
      who,
    ),
  ];
}

/** Modules that prove nothing about the person. Any other that is not ours may be a first factor. */
const provesNothing =
  /^(.*\/)?pam_(permit|deny|warn|env|nologin|faildelay|group|cap|echo|issue|keyinit|limits|loginuid|mail|motd|securetty|selinux|sepermit|shells|succeed_if|usertype|localuser|time|access|tally2?|faillock)\.so$/;

/** Does a code suffice, if whatever else could tell the person refuses? */
function oneFactor(view: View): Finding[] {
  const { facts, settings, show, who, ways } = view;
  const service = sshdService(facts, settings);
  const isAlone = ways.open.some(methods => methods.every(method => method === 'keyboard-interactive'));
  if (!isAlone || service?.kind !== 'parsed') return [];
  const usual = usualReturns('auth');
  const way = wayThrough(service.stacks.auth, 'auth', entry =>
    secondFactorAt(entry, 'auth') !== undefined || provesNothing.test(entry.module) ? usual(entry) : ['auth_err'],
  );
  if (way.kind !== 'found') return [];
  return [
    found(
      'one-factor',
      'whoever has a code gets in without a key or a password',
      [...show('authenticationmethods'), ...described(way.steps, service.stacks.auth)],
      'AuthenticationMethods publickey,keyboard-interactive:pam (sshd_config)',
      who,
    ),
  ];
}

function askedTwice(view: View): Finding[] {
  const { show, who, isForced } = view;
  const lines = linesOf(view);
  const execs = lines.filter(({ entry, phase }) => secondFactorAt(entry, phase)?.door === 'pam-exec');
  const phases = new Set(execs.map(({ phase }) => phase));
  const findings: Finding[] = [];
  if (phases.size === 2)
    findings.push(
      found(
        'asked-twice',
        'pam_exec asks in the auth phase, and again in the account phase',
        execs.map(({ entry }) => placeOf(entry)),
        'take out one of the two lines',
        who,
      ),
    );
  if (isForced)
    findings.push(
      found(
        'asked-twice',
        'PAM asks, and then the forced command',
        [...show('forcecommand'), ...lines.map(({ entry }) => placeOf(entry))],
        'take out ForceCommand (sshd_config): PAM is the stronger door',
        who,
      ),
    );
  return findings;
}
