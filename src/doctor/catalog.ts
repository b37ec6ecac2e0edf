/**
 * Everything that the doctor can find, one row each. The table of trasa-agent-doctor(8) is compared with it. An id is never
 * given to another thing: somebody's monitoring may know it.
 */

/**
 * `hole`: somebody who has the first factor can get in without the second. `breakage`: somebody who should get in does not.
 * `warning`: neither now, but it does not take much. `note`: worth knowing.
 */
export type Severity = 'hole' | 'breakage' | 'warning' | 'note';

/** The worst first. */
export const severities: readonly Severity[] = ['hole', 'breakage', 'warning', 'note'];

interface Row {
  readonly severity: Severity;
  readonly means: string;
}

export const catalog = {
  'sshd-unguarded': hole('sshd lets somebody in by a method after which nothing asks for a second factor.'),
  'forwarding-open': hole('A forced command guards sessions only, and sshd allows forwarding without one.'),
  'startup-files': hole(
    "bash reads the account's ~/.bashrc before the forced command, and that may start something else.",
  ),
  'accept-env': hole('The client may set variables by which the shell runs other things than the forced command.'),
  'user-environment': hole('~/.ssh/environment or a key may set variables for the shell that runs the forced command.'),
  'one-factor': hole('PAM asks for the second factor, but sshd and PAM ask for no first one.'),
  'pam-around': hole('There is a way through a PAM stack on which the second factor is not passed.'),
  'file-unsafe': hole('Others than root can change a file that decides who gets in.'),
  'tls-unverified': hole('The certificate of the TRASA server is not verified.'),
  observing: hole('Two-factor authentication is being tried out: nobody is asked.'),
  'fail-safe': hole('While no server can be reached, the first factor suffices.'),
  'offline-users': hole('Accounts of offlineUsers need no second factor while no server can be reached.'),
  'sshd-refused': breakage('sshd is not there, or does not accept its own configuration.'),
  'method-off': breakage('sshd asks for a method that it has turned off, such as keyboard-interactive.'),
  'usepam-off': breakage('The PAM stack of sshd has our line, but sshd does not ask PAM.'),
  'sftp-missing': breakage('Subsystem sftp is internal-sftp, and there is no sftp-server to take its place.'),
  'door-missing': breakage('A program or module that sshd or PAM is to run is not there.'),
  'pam-refused': breakage('libpam cannot read the files of a service, and refuses every login through it.'),
  'pam-line': breakage('libpam cannot read a line of a stack, and counts it as a refusal.'),
  'pam-nobody': breakage('There is no way through a PAM stack for somebody who passes the second factor.'),
  'pam-option': breakage('The module does not know a word of its line, and refuses everybody.'),
  'pam-setcred': breakage(
    'pam_exec ignores pam_setcred, and no other line answers it: sshd refuses after a good login.',
  ),
  'config-broken': breakage(
    'The configuration of the daemon is missing, unsafe or wrong: nobody gets in who is asked.',
  ),
  'groups-unknown': breakage('Rules about groups are set, but the groups of an account cannot be looked up.'),
  'daemon-silent': breakage('The daemon does not answer at its socket.'),
  'server-unreachable': breakage('A TRASA server gives no answer that can be trusted.'),
  'server-refuses': breakage(
    'The TRASA server does not accept the service ID or key of this host, its proxy or a service of that.',
  ),
  'state-unwritable': breakage(
    'The directory of what the daemon, or the proxy, must remember is missing, unsafe, read-only or full.',
  ),
  'host-certificate': breakage(
    'The certificate by which clients know this host, or its proxy, has ended, or cannot be read.',
  ),
  'proxy-config': breakage(
    'The configuration of the access proxy, or a file that it names, is missing, unsafe or wrong.',
  ),
  'proxy-down': breakage('The access proxy does not run, or none of its workers does.'),
  'proxy-silent': breakage('At the address of the access proxy nobody answers, or not the proxy.'),
  'proxy-ca': breakage('The access proxy cannot sign with the SSH User CA, by which it logs in to hosts.'),
  'proxy-account': breakage('Nothing that the access proxy is given opens an account of a service.'),
  'proxy-catalogue': breakage(
    "The access proxy has no catalogue of the server's that counts: nobody gets to its services.",
  ),
  'proxy-recordings': breakage('Recordings are wanted and cannot be written: sessions that must be recorded end.'),
  'proxy-journal': breakage('The journal of recordings is damaged: it does not prove any more that none is missing.'),
  'root-method': warning('PermitRootLogin forbids root the methods that sshd asks for: root cannot log in.'),
  'asked-twice': warning('One login is asked for its second factor at two doors.'),
  'password-method': warning(
    "sshd's password method cannot show the question of the second factor, and answers it with the password.",
  ),
  'grace-time': warning('sshd ends a login sooner than the second factor may take.'),
  'module-timeout': warning("The module gives up before the daemon's loginTimeout: the person does not learn why."),
  'max-startups': warning('sshd drops logins at random while few others wait for their second factor.'),
  'shell-startup': warning(
    'The login shell reads files of the account before the forced command, and nothing can stop that.',
  ),
  'accept-ssh-env': warning('The client may make up SSH_ORIGINAL_COMMAND for a session that has none.'),
  'auth-info-hidden': warning(
    'The configuration goes by public keys, but sshd does not tell which one it has verified.',
  ),
  'pam-shared-account': warning('Services without a person behind them, such as cron, wait for a second factor.'),
  'pam-first-password': warning('A wrong password rings the phone: first=password where it does not end the stack.'),
  'unknown-user': warning('The configuration names an account that does not exist here.'),
  'config-warning': warning('The configuration is valid, but worth a look.'),
  'clock-off': warning('The clocks of this host and of the server differ by more than a code tolerates.'),
  'tls-expiring': warning('The certificate of a TRASA server ends soon.'),
  'host-certificate-ending': warning(
    'The certificate by which clients know this host, or its proxy, ends soon, and nothing has renewed it.',
  ),
  'offline-ending': warning(
    'What an account has prepared for days without a server has expired, ends soon, or is nearly used up.',
  ),
  'offline-digits': warning(
    'An offline credential has another number of digits than codeDigits, so that its codes cannot be typed.',
  ),
  'disk-low': warning('The disk with what the daemon or the proxy must remember, or with recordings, is nearly full.'),
  'access-denied': warning('AppArmor or SELinux has kept the agent from something within the last day.'),
  'upgrade-pending': warning(
    'Two releases are in use: daemon or proxy run a program that was replaced, or one package was upgraded alone.',
  ),
  'proxy-host-key': warning('A key of a host behind the proxy waits for an administrator, and nobody gets there.'),
  'proxy-control': warning('The access proxy does not answer at its control socket.'),
  'proxy-worker': warning('A worker of the access proxy does not say what it does.'),
  'proxy-ca-old': warning('The SSH User CA of the access proxy has signed for more than five years.'),
  'proxy-boot': warning('The access proxy runs, and does not start with the host.'),
  'not-examined': warning('Something could not be looked at, so nothing is known about it.'),
  exempt: note('A rule says that an account needs no second factor.'),
  'not-required': note('An account needs no second factor because requiredUsers and requiredGroups do not name it.'),
  'user-rc': note('~/.ssh/rc is allowed where the forced command is not set by sshd_config.'),
  'proxy-first-use': note(
    'No key of a host behind the proxy is known: the next person says whether it is the right one.',
  ),
  'proxy-approval': note('Somebody waits for an administrator before they get through the proxy.'),
  'proxy-held-off': note('The access proxy holds somebody off after wrong codes, passwords or pushes.'),
  'bare-connection': note('ssh -N stays connected without a second factor, and can do nothing.'),
} as const satisfies Record<string, Row>;

export type FindingId = keyof typeof catalog;

function hole(means: string): Row {
  return { severity: 'hole', means };
}

function breakage(means: string): Row {
  return { severity: 'breakage', means };
}

function warning(means: string): Row {
  return { severity: 'warning', means };
}

function note(means: string): Row {
  return { severity: 'note', means };
}
