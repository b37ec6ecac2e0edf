/** The stacks of each service: can the second factor be passed around, and can it be passed at all? */
import { basename } from 'node:path';
import { actionOf, type PamReturn } from '../../system/pam-control.ts';
import { beginning, dispatch, resultOf } from '../../system/pam-dispatch.ts';
import type { PamEntry, PamService } from '../../system/pam-stack.ts';
import { type PamStep, usualReturns, wayAround, wayThrough } from '../../system/pam-walk.ts';
import { secondFactorAt } from '../../system/second-factor.ts';
import type { Facts } from '../facts.ts';
import { type Finding, found } from '../finding.ts';
import { type AskingPhase, askingLines, placeOf } from '../guard.ts';

type Parsed = PamService & { readonly kind: 'parsed' };

const phases: readonly AskingPhase[] = ['auth', 'account'];

export function checkPam({ services }: Facts): Finding[] {
  return services.flatMap(service => {
    const where = `/etc/pam.d/${service.name}`;
    if (service.kind === 'refused') {
      const at = service.place === undefined ? where : `${service.place.file}:${service.place.line}`;
      return [
        found(
          'pam-refused',
          `libpam refuses every login through ${service.name}: ${service.why}`,
          [at],
          `mend the line at ${at}`,
        ),
      ];
    }
    if (!phases.some(phase => askingLines(service, phase).length > 0)) return [];
    return [
      ...service.faults.map(({ place, text }) =>
        found(
          'pam-line',
          `libpam does not understand a line of ${service.name}: it ${text}`,
          [`${place.file}:${place.line}`],
          'mend the line: pam.d(5)',
        ),
      ),
      ...phases.flatMap(phase => [
        ...waysThrough(service, phase),
        ...words(service, phase),
        ...firstPassword(service, phase),
      ]),
      ...setcred(service),
      ...shared(service),
    ];
  });
}

function waysThrough(service: Parsed, phase: AskingPhase): Finding[] {
  const lines = askingLines(service, phase);
  if (lines.length === 0) return [];
  const stack = service.stacks[phase];
  const around = wayAround(stack, phase, returnsFor(service, phase));
  const name = `the ${phase} stack of ${service.name}`;
  switch (around.kind) {
    case 'found':
      return [
        found(
          'pam-around',
          `${name} lets in without the second factor`,
          described(around.steps, stack),
          mendFor(around.steps, phase),
        ),
      ];
    case 'unknown':
      return [found('not-examined', `${name} has more turns than can be tried`, lines.map(placeOf), 'make it shorter')];
    case 'none': {
      const through = wayThrough(stack, phase, returnsFor(service, phase));
      if (through.kind !== 'none') return [];
      return [
        found(
          'pam-nobody',
          `${name} refuses those who pass the second factor, too`,
          lines.map(placeOf),
          `read the stack from ${lines.map(placeOf)[0] ?? ''} on: something refuses or jumps too far`,
        ),
      ];
    }
  }
}

/**
 * In su, root becomes anybody without being asked (pam_rootok), as does a wheel if it is trusted: not around us, but
 * before us, and meant. They do nothing for anybody else.
 */
function returnsFor(service: Parsed, phase: AskingPhase): (entry: PamEntry) => readonly PamReturn[] {
  const usual = usualReturns(phase);
  if (service.name !== 'su' && service.name !== 'su-l') return usual;
  return entry => {
    const isRoot =
      entry.module.endsWith('pam_rootok.so') ||
      (entry.module.endsWith('pam_succeed_if.so') && entry.words.join(' ').startsWith('uid = 0 use_uid'));
    return isRoot ? usual(entry).filter(code => code !== 'success' && code !== 'new_authtok_reqd') : usual(entry);
  };
}

/** The path, one step a line: `/etc/pam.d/common-auth:17 pam_unix.so returns success: skips 1 line`. */
export function described(steps: readonly PamStep[], stack: readonly PamEntry[]): string[] {
  const lines = steps.map(({ entry, returned }) => {
    const action = actionOf(entry.control, returned);
    const then = typeof action === 'number' ? `skips ${action}` : meanings[action];
    const name = entry.kind === 'fails' ? 'a line that refuses' : entry.module;
    return `${placeOf(entry)} ${name} returns ${returned}: ${then}`;
  });
  const last = steps.at(-1)?.entry;
  return last === stack.at(-1) ? lines : [...lines, 'the stack ends here'];
}

const meanings = {
  ignore: 'ignored',
  ok: 'counts',
  done: 'counts, and ends the stack',
  bad: 'refuses at the end',
  die: 'refuses at once',
  reset: 'forgets what was before',
} as const;

function mendFor(steps: readonly PamStep[], phase: AskingPhase): string {
  const refused = steps.find(({ entry }) => secondFactorAt(entry, phase)?.asks === 'always');
  if (refused !== undefined) return `write required instead of the control flag at ${placeOf(refused.entry)}`;
  const ender = steps.findLast(({ entry, returned }) => {
    const action = actionOf(entry.control, returned);
    return action === 'done' || typeof action === 'number';
  });
  return ender === undefined
    ? 'put our line where it is reached, with required'
    : `put our line above ${placeOf(ender.entry)}, or let that one neither end nor skip anything (required)`;
}

/** pam/options.c: any other word, and the module refuses. */
const known =
  /^(socket=\/.+|agent=\/.+|timeout=[1-9]\d{0,2}|phase=auth|phase=account|first=password|prompt=trasa|exempt=ignore|debug)$/;

function words(service: Parsed, phase: AskingPhase): Finding[] {
  return service.stacks[phase]
    .filter(entry => secondFactorAt(entry, phase)?.door === 'pam')
    .flatMap(entry => {
      const strange = entry.words.filter(
        word => !known.test(word) || Number(/^timeout=(\d+)$/.exec(word)?.[1] ?? 1) > 660,
      );
      return strange.length === 0
        ? []
        : [
            found(
              'pam-option',
              `the module does not know ${strange.join(' ')}, and refuses everybody`,
              [placeOf(entry)],
              'take the word out: pam_trasa(8)',
            ),
          ];
    });
}

/**
 * Another process of sshd calls pam_setcred(3), so no line knows what it returned in the auth phase: each goes by what it
 * returns now.
 */
function setcred(service: Parsed): Finding[] {
  const stack = service.stacks.auth;
  const execs = askingLines(service, 'auth').filter(entry => secondFactorAt(entry, 'auth')?.door === 'pam-exec');
  if (execs.length === 0) return [];
  let state = beginning;
  for (let result = resultOf(stack, state); ; result = resultOf(stack, state)) {
    if (result === 'success') return [];
    if (result !== undefined) break;
    const module = stack[state.next]?.module ?? '';
    state = dispatch(
      stack,
      state,
      /(^|\/)pam_(exec|warn)\.so$/.test(module) ? 'ignore' : module.endsWith('pam_deny.so') ? 'cred_err' : 'success',
    );
  }
  return [
    found(
      'pam-setcred',
      `pam_setcred fails for ${service.name}: pam_exec ignores it`,
      execs.map(placeOf),
      `auth required pam_permit.so, below ${execs.map(placeOf).at(-1) ?? ''}`,
    ),
  ];
}

/** A wrong password is to end the stack before the phone rings. */
function firstPassword(service: Parsed, phase: AskingPhase): Finding[] {
  const stack = service.stacks[phase];
  const told = askingLines(service, phase).find(({ words: these }) => these.some(word => says.includes(word)));
  const password = stack.find(({ module }) => passwordModule.test(module));
  if (told === undefined || password === undefined) return [];
  const returns = usualReturns(phase);
  let state = beginning;
  for (let entry = stack[0]; entry !== undefined; entry = stack[state.next]) {
    if (entry === told)
      return [
        found(
          'pam-first-password',
          `a wrong password goes on to the second factor in ${service.name}`,
          [placeOf(password), placeOf(told)],
          `take ${told.words.find(word => says.includes(word)) ?? ''} out, or let a wrong password end the stack (requisite)`,
        ),
      ];
    // The person knows no password; everything else goes as it should.
    const [usual = 'auth_err'] = passwordModule.test(entry.module) ? [] : returns(entry);
    state = dispatch(stack, state, entry.kind === 'fails' ? 'perm_denied' : usual);
  }
  return [];
}

const says = ['first=password', '--after-password'];
const passwordModule = /(^|\/)pam_(unix|sss|ldap|krb5|winbind|userdb)\.so$/;

/** cron and the like have nobody to ask, and no phone to ring. */
function shared(service: Parsed): Finding[] {
  const isAlone = ['cron', 'crond', 'atd', 'systemd-user'].includes(service.name);
  return askingLines(service, 'account')
    .filter(({ place }) => isAlone || /\/(common-account|system-auth|password-auth)$/.test(place.file))
    .map(({ place }) =>
      found(
        'pam-shared-account',
        `whatever includes ${basename(place.file)} waits for a push, with nobody to answer it`,
        [`${place.file}:${place.line}`],
        'move the account line to /etc/pam.d/sshd',
      ),
    );
}
