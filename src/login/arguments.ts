/** The command line of `trasa-agent login`; read by hand, so that nothing is loaded for it on the way in. */
export type Arguments =
  /** @property socket absolute path; undefined: the usual one */
  | { readonly kind: 'login'; readonly socket: string | undefined }
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly problem: string }
  /** Started by a recorder in the pty that it made; see recorded-shell.ts. */
  | { readonly kind: 'recorded-shell'; readonly words: readonly string[] };

/** What a recorder, and nobody else, has as the first argument. */
export const recordedShellFlag = '--recorded-shell';

/** The default of the configuration's `socket` (config/options.ts), which is not read here: it has a secret in it. */
export const usualSocket = '/run/trasa-agent/agent.sock';

export const usage = `Usage: trasa-agent login [--socket PATH]

Asks the agent's daemon whether you may log in, then becomes your shell. For sshd_config(5):

    ForceCommand exec /usr/lib/trasa-agent/trasa-agent login

  --socket PATH   the daemon's socket [default: ${usualSocket}]
  --help          this text

trasa-agent(8) says what belongs beside that line, and what the exit statuses mean.
`;

export function parseArguments(argv: readonly string[]): Arguments {
  if (argv[0] === recordedShellFlag) return { kind: 'recorded-shell', words: argv.slice(1) };
  let socket: string | undefined;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    if (word === '--help' || word === '-h') return { kind: 'help' };
    const inline = /^--socket=(.*)$/s.exec(word)?.[1];
    if (word !== '--socket' && inline === undefined) return { kind: 'wrong', problem: `unknown argument: ${word}` };
    const value = inline ?? argv[++i];
    if (value?.startsWith('/') !== true) return { kind: 'wrong', problem: '--socket needs an absolute path' };
    socket = value;
  }
  return { kind: 'login', socket };
}
