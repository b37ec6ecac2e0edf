/**
 * Our drop-in of sshd_config(5): which settings, for whom, and why; as text, and as what `sshd -T` must say afterwards.
 *
 * sshd takes the first value that it meets, and what a matching Match block says before what stands outside of one.
 */
import { type FirstFactor, isEverybody, type Scope, type SetupDoor } from './wishes.ts';

export interface SshdLine {
  readonly name: string;
  readonly value: string;
  readonly why: string;
}

interface Block {
  /** What stands behind Match. */
  readonly match: string;
  readonly why: string;
  readonly holdsFor: (user: string, groups: readonly string[]) => boolean;
  readonly lines: readonly SshdLine[];
}

export interface DropIn {
  readonly everywhere: readonly SshdLine[];
  /** The first that matches wins, too. */
  readonly blocks: readonly Block[];
}

export interface SshdWishes {
  readonly door: SetupDoor;
  readonly firstFactor: FirstFactor;
  readonly scope: Scope;
  /** The command of ForceCommand, without its arguments. */
  readonly agent: string;
  /** OpenSSH 9.2 and later. */
  readonly knowsUnusedConnectionTimeout: boolean;
  /** What sshd says of PermitRootLogin now. */
  readonly permitRootLogin: string;
}

export function dropInFor(wishes: SshdWishes): DropIn {
  if (wishes.door === 'force-command') return forceCommand(wishes);
  const { scope } = wishes;
  const forSome = isEverybody(scope) ? [] : methodsOf(wishes);
  const forAll = isEverybody(scope) ? methodsOf(wishes) : [];
  const everywhere = [line('UsePAM', 'yes', 'the second factor is asked for by PAM'), ...forAll];
  if (wishes.firstFactor !== 'key') return { everywhere, blocks: blocksFor(scope, forSome) };
  const others = line(
    'AuthenticationMethods',
    'publickey',
    'for everybody else a key, and nothing but a key: no password is checked by PAM any more',
  );
  return {
    everywhere: isEverybody(scope) ? everywhere : [...everywhere, others],
    blocks: [...rootBlock(wishes), ...blocksFor(scope, forSome)],
  };
}

/** What `sshd -T` must say of this user: names in lower case, as it prints them. */
export function expectedFor(
  { everywhere, blocks }: DropIn,
  user: string,
  groups: readonly string[],
): ReadonlyMap<string, string> {
  const expected = new Map<string, string>();
  const matching = blocks.filter(block => block.holdsFor(user, groups)).flatMap(block => block.lines);
  for (const { name, value } of [...matching, ...everywhere])
    if (!expected.has(name.toLowerCase())) expected.set(name.toLowerCase(), value);
  return expected;
}

/** How a file begins that setup has made. */
export const mark = '# Made by trasa-agent setup';

export function dropInText({ everywhere, blocks }: DropIn): string {
  const head = [
    `${mark}; see trasa-agent(8). sshd takes the first value that it meets: this file comes early.`,
    '# To be rid of it: trasa-agent setup --remove',
  ];
  const parts = [head.join('\n'), ...everywhere.map(one => shown(one, ''))];
  for (const { match, why, lines } of blocks)
    parts.push([`# ${why}`, `Match ${match}`, ...lines.map(one => shown(one, '  '))].join('\n'));
  return `${parts.join('\n\n')}\n`;
}

function shown({ name, value, why }: SshdLine, indent: string): string {
  return `${indent}# ${why}\n${indent}${name} ${value}`;
}

/** KbdInteractiveAuthentication and AuthenticationMethods, which may stand in a Match block. */
function methodsOf({ door, firstFactor }: SshdWishes): SshdLine[] {
  if (firstFactor === 'any') return [];
  const asks = line('KbdInteractiveAuthentication', 'yes', 'the only method by which PAM can ask a question');
  if (firstFactor === 'key')
    return [asks, line('AuthenticationMethods', 'publickey,keyboard-interactive:pam', 'a key, then what PAM asks')];
  if (door === 'pam-exec')
    return [
      asks,
      line('AuthenticationMethods', 'keyboard-interactive:pam', 'a password and a push; a key alone is not enough'),
    ];
  return [
    asks,
    line(
      'AuthenticationMethods',
      'publickey keyboard-interactive:pam',
      'a key, and a push in the account phase; or a password, and what PAM asks',
    ),
  ];
}

/** Else root, who may be the only one who can mend things, would be locked out. */
function rootBlock({ door, permitRootLogin, scope }: SshdWishes): Block[] {
  const isMeant = isEverybody(scope) || scope.users.includes('root') || scope.groups.length > 0;
  if (door !== 'pam' || permitRootLogin === 'yes' || permitRootLogin === 'no' || !isMeant) return [];
  return [
    {
      match: 'User root',
      why: `PermitRootLogin ${permitRootLogin} lets nobody in as root by keyboard-interactive: a key, then a push (account phase).`,
      holdsFor: user => user === 'root',
      lines: [line('AuthenticationMethods', 'publickey', 'PAM sends a push all the same')],
    },
  ];
}

function blocksFor({ users, groups }: Scope, lines: readonly SshdLine[]): Block[] {
  if (lines.length === 0) return [];
  const blocks: Block[] = [];
  const why = 'Those of whom trasa-agent.toml requires a second factor.';
  if (users.length > 0)
    blocks.push({ match: `User ${users.join(',')}`, why, holdsFor: user => users.includes(user), lines });
  if (groups.length > 0)
    blocks.push({
      match: `Group ${groups.join(',')}`,
      why,
      holdsFor: (_user, theirs) => groups.some(group => theirs.includes(group)),
      lines,
    });
  return blocks;
}

function forceCommand({ scope, agent, knowsUnusedConnectionTimeout }: SshdWishes): DropIn {
  const lines = [
    line('ForceCommand', `exec ${agent} login`, 'the second factor, before any session'),
    line('DisableForwarding', 'yes', 'forwarding needs no session, so it would need no second factor'),
    line('X11Forwarding', 'no', 'DisableForwarding leaves it open before OpenSSH 10.0'),
    line('AllowAgentForwarding', 'no', 'likewise'),
    line('PermitUserRC', 'no', '~/.ssh/rc would run before the second factor if the ForceCommand were taken away'),
    line('SetEnv', 'SHLVL=2', 'else bash reads ~/.bashrc before it starts the agent, which takes this away again'),
    line('ExposeAuthInfo', 'yes', 'tells the agent which key was verified'),
    ...(knowsUnusedConnectionTimeout
      ? [line('UnusedConnectionTimeout', '300', 'ends connections without a session (ssh -N)')]
      : []),
  ];
  const outside = line(
    'PermitUserEnvironment',
    'no',
    '~/.ssh/environment could make the shell load code before the agent. sshd takes this outside of Match only',
  );
  return isEverybody(scope)
    ? { everywhere: [outside, ...lines], blocks: [] }
    : { everywhere: [outside], blocks: blocksFor(scope, lines) };
}

function line(name: string, value: string, why: string): SshdLine {
  return { name, value, why };
}
