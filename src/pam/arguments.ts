/** The command line of `trasa-agent pam`; read by hand, so that nothing is loaded for it on the way in. */
export type Arguments =
  | {
      readonly kind: 'pam';
      /** Absolute path; undefined: the usual one. */
      readonly socket: string | undefined;
      /** The line stands behind one that has checked the password and does not go on without it. */
      readonly afterPassword: boolean;
      /** For all of it. */
      readonly timeoutMs: number;
    }
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly problem: string };

/** Over the daemon's `loginTimeout` (110), whose denial says why, and under sshd's LoginGraceTime (120). */
const usualTimeoutSeconds = 115;
const maxTimeoutSeconds = 660;

export const usage = `Usage: trasa-agent pam [--socket PATH] [--after-password] [--timeout SECONDS]

Asks the agent's daemon whether the person may log in, for pam_exec(8). A line of pam.d(5), phase auth or account:

    auth  required  pam_exec.so expose_authtok stdout quiet /usr/lib/trasa-agent/trasa-agent pam
    auth  required  pam_permit.so

What is typed at pam_exec's "Password: " is a code; empty, or the word push, sends a push. So does anything else, and
it goes no further.

  --socket PATH       the daemon's socket
  --after-password    a line above has checked the password, and ends the login without it; leave out expose_authtok
  --timeout SECONDS   for all of it, 1 to ${maxTimeoutSeconds} [default: ${usualTimeoutSeconds}]
  --help              this text

Exit status: 0 if the person may log in, another one if not. trasa-agent(8) lists them.
`;

export function parseArguments(argv: readonly string[]): Arguments {
  let socket: string | undefined;
  let afterPassword = false;
  let timeoutMs = usualTimeoutSeconds * 1000;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    if (word === '--help' || word === '-h') return { kind: 'help' };
    if (word === '--after-password') {
      afterPassword = true;
      continue;
    }
    const [, name, inline] = /^(--socket|--timeout)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === undefined) return { kind: 'wrong', problem: `unknown argument: ${word}` };
    const value = inline ?? argv[++i] ?? '';
    if (name === '--socket') {
      if (!value.startsWith('/')) return { kind: 'wrong', problem: '--socket needs an absolute path' };
      socket = value;
    } else {
      const seconds = /^[0-9]{1,3}$/.test(value) ? Number(value) : 0;
      if (seconds < 1 || seconds > maxTimeoutSeconds)
        return { kind: 'wrong', problem: `--timeout needs a number of seconds from 1 to ${maxTimeoutSeconds}` };
      timeoutMs = seconds * 1000;
    }
  }
  return { kind: 'pam', socket, afterPassword, timeoutMs };
}
