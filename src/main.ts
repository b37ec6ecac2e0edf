/**
 * The entry of the one binary: argv[2] chooses what is loaded. `login` and `pam` stand between a person and a shell, so
 * their path loads neither yargs nor anything that talks HTTP (test/architecture.test.ts).
 */
import { exitStatus } from './policy/refusals.ts';
import { cleanText } from './protocol/clean.ts';

const [, , ...argv] = process.argv;
// Unhandled rejections come here too. The daemon has its own end for bugs: its log wants to know where.
if (argv[0] !== 'daemon') process.on('uncaughtException', fail);
run(argv).catch(fail);

async function run([command, ...rest]: readonly string[]): Promise<void> {
  if (command === 'login') {
    process.exitCode = exitStatus.software; // should login() ever neither end nor become the shell
    const { login } = await import('./login/login.ts');
    process.exit(await login(rest)); // whatever is still open must not keep a denied person here
  }
  if (command === 'pam') {
    process.exitCode = exitStatus.software; // likewise: 0 would let in
    const { pam } = await import('./pam/pam.ts');
    process.exit(await pam(rest));
  }
  const { runCommand } = await import('./cli/main.ts');
  process.exitCode = await runCommand(argv);
}

/** The one catch of the program: an exception is a bug, and a bug lets nobody in. */
function fail(error: unknown): never {
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  process.stderr.write(`trasa-agent: internal error: ${cleanText(what, 500)}\n`);
  process.exit(exitStatus.software);
}
