/** What has to be closed where the forced command is the door: it guards sessions, from behind the account's own shell. */
import type { Facts } from '../facts.ts';
import { type Finding, found } from '../finding.ts';
import { glob } from '../ways-in.ts';
import { isAsked } from './accounts.ts';
import { talksToPam, type View, viewsOf } from './sshd-ways.ts';

export function checkForcedCommand(facts: Facts): Finding[] {
  return viewsOf(facts)
    .filter(({ account, isForced, asks, ways }) => {
      const pamAsksAlways = asks.account || (asks.auth && ways.open.every(talksToPam));
      return isForced && !pamAsksAlways && isAsked(facts, account);
    })
    .flatMap(view => [
      ...otherWords(view),
      ...forwarding(view),
      ...startup(view),
      ...environment(view),
      ...sftp(view),
      ...keys(view),
      ...leftOpen(view),
    ]);
}

/** Only the plain form is understood here: what else the command does is not known. */
function otherWords({ settings, who, show }: View): Finding[] {
  const command = settings.first('forcecommand') ?? '';
  if (/^(exec\s+)?\/\S*trasa-agent\s+login(\s+--socket[=\s]\S+)?$/.test(command)) return [];
  return [
    found(
      'not-examined',
      'the forced command is more than the agent, by its whole path: what it does before is not known',
      show('forcecommand'),
      'ForceCommand exec /usr/lib/trasa-agent/trasa-agent login (sshd_config)',
      who,
    ),
  ];
}

function forwarding({ facts, settings, who, show }: View): Finding[] {
  const isOn = (name: string): boolean => (settings.first(name) ?? 'no') !== 'no';
  const inSession = ['x11forwarding', 'allowagentforwarding'].filter(isOn);
  const isDisabled = settings.first('disableforwarding') === 'yes';
  // Before 10.0 DisableForwarding left X11 and the agent open (fixed by commit fc86875e6).
  const isOld = facts.sshd.kind === 'present' && (facts.sshd.version?.major ?? 0) < 10;
  const isClosedByLists = settings.first('permitopen') === 'none' && settings.first('permitlisten') === 'none';
  const others = [
    ...(isClosedByLists ? [] : ['allowtcpforwarding'].filter(isOn)),
    ...['allowstreamlocalforwarding', 'permittunnel'].filter(isOn),
  ];
  const open = isDisabled ? (isOld ? inSession : []) : [...others, ...inSession];
  if (open.length === 0) return [];
  const mend = isDisabled
    ? 'X11Forwarding no and AllowAgentForwarding no (sshd_config): before OpenSSH 10.0 DisableForwarding leaves them open'
    : 'DisableForwarding yes, X11Forwarding no and AllowAgentForwarding no (sshd_config)';
  return [
    found(
      'forwarding-open',
      'forwarding needs no session, so it needs no second factor',
      show('disableforwarding', ...open),
      mend,
      who,
    ),
  ];
}

function startup({ account, settings, who, show }: View): Finding[] {
  const shell = account.user?.shell ?? '';
  const strong = 'use pam_trasa(8) instead, which asks before there is a session';
  if (/\/(zsh|fish|t?csh)$/.test(shell))
    return [
      found(
        'shell-startup',
        'the shell reads files of the account before it runs the forced command',
        [`${account.name}: ${shell}`],
        strong,
        who,
      ),
    ];
  const isGuarded = settings.all('setenv').some(value => /(^|\s)"?SHLVL=([2-9]|\d{2,})"?(\s|$)/.test(value));
  if (!shell.endsWith('/bash') || isGuarded) return [];
  const evidence = [`${account.name}: ${shell}`, ...show('setenv', 'forcecommand')];
  return [
    found(
      'startup-files',
      'bash reads ~/.bashrc before it runs the forced command',
      evidence,
      'SetEnv SHLVL=2 (sshd_config; in the first SetEnv line that holds)',
      who,
    ),
  ];
}

function environment({ settings, who, show }: View): Finding[] {
  const findings: Finding[] = [];
  const allowed = settings.first('permituserenvironment') ?? 'no';
  if (allowed !== 'no')
    findings.push(
      found(
        'user-environment',
        '~/.ssh/environment may set variables for the shell that runs the forced command',
        show('permituserenvironment'),
        'PermitUserEnvironment no (sshd_config)',
        who,
      ),
    );
  const accepted = settings.all('acceptenv').flatMap(value => value.split(' '));
  const bad = accepted.filter(pattern => dangerous.some(name => glob(pattern).test(name)));
  if (bad.length > 0)
    findings.push(
      found(
        'accept-env',
        'the client may set variables by which a shell runs other things first',
        bad.map(one => `acceptenv ${one}`),
        'AcceptEnv LANG LC_* (sshd_config)',
        who,
      ),
    );
  else if (accepted.some(pattern => glob(pattern).test('SSH_ORIGINAL_COMMAND')))
    findings.push(
      found(
        'accept-ssh-env',
        'the client may set SSH_ORIGINAL_COMMAND where sshd does not',
        show('acceptenv'),
        'AcceptEnv LANG LC_* (sshd_config)',
        who,
      ),
    );
  return findings;
}

/**
 * Read by a shell for `-c`, or by the loader, before any command: ld.so(8), bash(1), zsh(1), fish(1). Not HOME and PATH,
 * which sshd sets afterwards.
 */
const dangerous = [
  'BASH_ENV',
  'BASH_FUNC_exec%%',
  'LD_PRELOAD',
  'LD_LIBRARY_PATH',
  'LD_AUDIT',
  'ZDOTDIR',
  'XDG_CONFIG_HOME',
];

/** The agent becomes an sftp-server where sshd would have been one itself. */
function sftp({ facts, settings, who }: View): Finding[] {
  const [subsystem] = settings.all('subsystem').filter(value => /^sftp\s+internal-sftp\b/.test(value));
  if (subsystem === undefined || facts.sftpServer !== undefined) return [];
  return [
    found(
      'sftp-missing',
      'sftp and scp cannot work: there is no sftp-server for the agent to become',
      [`subsystem ${subsystem}`],
      'apt install openssh-sftp-server, or sftpServer in [login] of the configuration',
      who,
    ),
  ];
}

function keys({ facts: { config }, settings, show, who }: View): Finding[] {
  if (config.kind === 'broken' || settings.first('exposeauthinfo') === 'yes') return [];
  const { policy, identity, source } = config.config;
  const uses = [
    ...(identity.keys.size > 0 ? ['[identity.keys] is set'] : []),
    ...(policy.graceMs > 0 ? ['grace is set'] : []),
  ];
  if (uses.length === 0) return [];
  return [
    found(
      'auth-info-hidden',
      'the public key that sshd has verified is not known',
      [...uses.map(use => `${source}: ${use}`), ...show('exposeauthinfo')],
      'ExposeAuthInfo yes (sshd_config)',
      who,
    ),
  ];
}

function leftOpen({ settings, who, show }: View): Finding[] {
  const findings: Finding[] = [];
  if (settings.first('permituserrc') === 'yes')
    findings.push(
      found(
        'user-rc',
        '~/.ssh/rc runs for whom a Match block takes the forced command away',
        show('permituserrc'),
        'PermitUserRC no (sshd_config)',
        who,
      ),
    );
  if (settings.first('unusedconnectiontimeout') === 'none')
    findings.push(
      found(
        'bare-connection',
        'ssh -N needs no second factor to stay connected',
        show('unusedconnectiontimeout'),
        'UnusedConnectionTimeout 120 (sshd_config)',
        who,
      ),
    );
  return findings;
}
