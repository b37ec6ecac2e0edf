/** Our lines in Debian's /etc/pam.d/sshd, between markers. Whatever else is in the file stays, byte for byte. */
import { type FirstFactor, isEverybody, type Scope, type SetupDoor } from './wishes.ts';

export interface PamWishes {
  readonly door: Exclude<SetupDoor, 'force-command'>;
  readonly firstFactor: FirstFactor;
  readonly scope: Scope;
  readonly agent: string;
}

export type Edited =
  | { readonly kind: 'edited'; readonly text: string }
  | { readonly kind: 'refused'; readonly line: number | undefined; readonly text: string; readonly hint: string };

const begin = '# BEGIN trasa-agent setup';
const end = '# END trasa-agent setup';
const replaced = '#replaced# ';

/** The file with our lines in it, and not twice. */
export function putPamLines(file: string, wishes: PamWishes): Edited {
  const lines = splitLines(takePamLines(file));
  const foreign = lines.findIndex(line => /^[^#]*(pam_trasa\.so|trasa-agent\s+pam\b)/.test(line));
  if (foreign !== -1)
    return refused(foreign + 1, 'has lines of trasa-agent that setup did not make', 'take them out first');
  const { auth, account } = pamLines(wishes);
  const authAt = lines.findIndex(line => /^\s*@include\s+common-auth\s*$/.test(line));
  const accountAt = lines.findIndex(line => /^\s*@include\s+common-account\s*$/.test(line));
  const nologinAt = lines.findIndex(line => /^\s*account\s.*\bpam_nologin\.so\b/.test(line));
  for (const [at, name] of [
    [authAt, 'common-auth'],
    [accountAt, 'common-account'],
  ] as const)
    if (at === -1) return refused(undefined, `has no line @include ${name}, as Debian's has`, seeSamples);
  if (nologinAt > accountAt)
    return refused(nologinAt + 1, 'has pam_nologin.so behind @include common-account', seeSamples);

  const isReplaced = wishes.firstFactor === 'key';
  const text = lines.flatMap((line, at) => {
    if (at === authAt && auth.length > 0)
      return isReplaced ? block([`${replaced}${line}`, ...ended(auth)]) : [line, ...block(ended(auth))];
    return at === accountAt && account.length > 0 ? [...block(ended(account)), line] : [line];
  });
  return { kind: 'edited', text: text.join('') };
}

/** The file as it is without our lines. */
export function takePamLines(file: string): string {
  const kept: string[] = [];
  let isOurs = false;
  for (const line of splitLines(file)) {
    if (line.startsWith(begin)) isOurs = true;
    else if (line.startsWith(end)) isOurs = false;
    else if (!isOurs) kept.push(line);
    else if (line.startsWith(replaced)) kept.push(line.slice(replaced.length));
  }
  return kept.join('');
}

function pamLines({ door, firstFactor, scope, agent }: PamWishes): { auth: string[]; account: string[] } {
  // Where others are not asked, they must not pass this line without having proved anything, either.
  const others = isEverybody(scope) ? '' : ' exempt=ignore';
  const module = 'required     pam_trasa.so';
  const hook = (words: string, flags = ''): string =>
    `required     pam_exec.so ${words}stdout quiet ${agent} pam${flags}`;
  if (door === 'pam')
    return {
      auth: {
        key: ['# A code, or Enter for a push. sshd has verified the key.', `auth       ${module}${others}`],
        password: [
          '# A code, or Enter for a push. A wrong password ends in common-auth.',
          `auth       ${module} first=password`,
        ],
        any: [],
      }[firstFactor],
      account: [
        ...ringsNoPhone,
        '# Every login, whatever its method: a push, unless the lines above have asked. Before common-account, which an',
        '# expired password ends early.',
        `account    ${module}`,
      ],
    };
  return {
    auth: {
      key: [
        '# A code typed at "Password: ", or a push. pam_exec ignores pam_setcred, hence the second line.',
        `auth       ${hook('expose_authtok ')}`,
        'auth       required     pam_permit.so',
      ],
      password: ['# A push. A wrong password ends in common-auth.', `auth       ${hook('', ' --after-password')}`],
      any: [],
    }[firstFactor],
    account: firstFactor === 'any' ? [...ringsNoPhone, '# A push for every login.', `account    ${hook('')}`] : [],
  };
}

const ringsNoPhone = [
  '# Who may not log in now rings no phone.',
  'account    requisite    pam_nologin.so',
  'account    [acct_expired=die authtok_expired=die default=ignore] pam_unix.so',
];

const seeSamples = 'put the lines in by hand: pam_trasa(8) has them, and the samples for other distributions';

function refused(line: number | undefined, text: string, hint: string): Edited {
  return { kind: 'refused', line, text, hint };
}

function block(lines: readonly string[]): string[] {
  return [`${begin}\n`, ...lines, `${end}\n`];
}

function ended(lines: readonly string[]): string[] {
  return lines.map(line => `${line}\n`);
}

/** Each with its line end; the last one may have none. */
function splitLines(text: string): string[] {
  return text.split(/(?<=\n)/).filter(line => line !== '');
}
