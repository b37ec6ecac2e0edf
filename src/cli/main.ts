/** `trasa-agent COMMAND`, by yargs. One file per command; this one only mounts them. */
import yargs, { type Argv } from 'yargs';
import { exitStatus } from '../policy/refusals.ts';
import { cleanText } from '../protocol/clean.ts';
import { auditCommand } from './audit.ts';
import { caCommand } from './ca.ts';
import { forgetEnvironment } from './environment.ts';
import { exitStatuses } from './exit-statuses.ts';
import { offlineCommand } from './offline.ts';
import { approvalsCommand } from './proxy-approvals.ts';
import { hostKeysCommand } from './proxy-host-keys.ts';
import { penaltiesCommand } from './proxy-penalties.ts';
import { recordingsCommand } from './proxy-recordings.ts';
import { sessionsCommand } from './proxy-sessions.ts';
import { proxyStatusCommand } from './proxy-status.ts';
import { gracesCommand, holdsCommand } from './remembered.ts';
import { serverCommand } from './server.ts';
import { setupOptions } from './setup-options.ts';
import { statusCommand } from './status.ts';
import { supportBundleCommand } from './support-bundle.ts';
import { testCommand } from './test.ts';
import { release, version } from './version.ts';

/** @returns the exit status; a command that fails for a known reason has said why on stderr. Throws only on a bug. */
export async function runCommand(argv: readonly string[]): Promise<number> {
  forgetEnvironment(process.env);
  let status = 0;
  const finish = (commandStatus: number): void => {
    status = commandStatus;
  };
  try {
    await commandLine(finish).parseAsync(argv[0] === '--proxy' ? ['proxy', ...argv.slice(1)] : argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`trasa-agent: ${cleanText(error.message, 500)}\nTry 'trasa-agent --help'.\n`);
    return exitStatus.usage;
  }
  return status === 0 ? Number(process.exitCode ?? 0) : status;
}

function commandLine(finish: (status: number) => void): Argv {
  const program = yargs()
    .scriptName('trasa-agent')
    .usage('$0 COMMAND\n\nTwo-factor agent for Linux hosts. See trasa-agent(8).')
    .command('login', 'ask for the second factor, then become the shell (ForceCommand of sshd)')
    .command('pam', 'ask for the second factor on behalf of PAM (command of pam_exec)')
    .command(
      'daemon',
      'decide about logins: serves the socket that the other commands ask',
      command =>
        configOption(command)
          .option('once', {
            type: 'boolean',
            default: false,
            describe: 'serve the one login over descriptor 3, then end (for agent= of pam_trasa)',
          })
          .epilogue(exitStatuses('stopped by a signal', ['unavailable', 'config'])),
      async ({ config, once }) => {
        const { daemon } = await import('./daemon.ts');
        finish(await daemon(config === undefined ? { once } : { config, once }));
      },
    )
    .command(
      'check',
      'check the configuration, then ask the TRASA server whether it accepts this host',
      command =>
        configOption(command)
          .option('offline', { type: 'boolean', default: false, describe: 'ask no server' })
          .option('proxy', { type: 'boolean', default: false, describe: "the proxy's, not the daemon's" })
          .epilogue(exitStatuses('all is well', ['unavailable', 'config'])),
      async ({ config, offline, proxy }) => {
        const { check } = await import('./check.ts');
        finish(await check({ ...(config !== undefined && { config }), offline, proxy }));
      },
    )
    .command(
      'setup',
      'turn two-factor authentication on for sshd, and undo it unless it is confirmed',
      setupOptions,
      async args => {
        const { setup } = await import('./setup.ts');
        finish(await setup(args));
      },
    )
    .command(
      'doctor',
      'look for holes and breakages: sshd, PAM, the configuration, the daemon, the server, the access proxy',
      command =>
        configOption(command)
          .option('sshd-config', {
            type: 'string',
            requiresArg: true,
            describe: 'configuration of sshd, if not the usual one',
          })
          .option('user', {
            type: 'string',
            array: true,
            nargs: 1,
            default: [],
            defaultDescription: 'root and every person',
            describe: 'whose logins; may be given again',
          })
          .option('proxy', { type: 'boolean', describe: 'the access proxy alone; --config is its own' })
          .option('offline', { type: 'boolean', default: false, describe: 'ask no server' })
          .option('json', { type: 'boolean', default: false, describe: 'for programs' })
          .conflicts('proxy', 'sshd-config') // by which a default would count as given
          .epilogue(doctorStatuses),
      async ({ config, sshdConfig, user, proxy, offline, json }) => {
        const { doctor } = await import('./doctor.ts');
        const questions = { config, sshdConfig, users: user, proxy: proxy === true, offline, version: release };
        finish(await doctor({ ...questions, json }));
      },
    )
    .command(offlineCommand)
    .command(holdsCommand)
    .command(gracesCommand)
    .command(
      'proxy',
      'let people through to other hosts, by ssh: first factor, second factor, a certificate for minutes',
      command => {
        recordingsCommand(command);
        const usual = '/etc/trasa/trasa-proxy.toml, then as for the daemon';
        const state = hostKeysCommand(approvalsCommand(configOption(command, usual)));
        return penaltiesCommand(sessionsCommand(proxyStatusCommand(state))).epilogue(
          exitStatuses('stopped by a signal', ['unavailable', 'config']),
        );
      },
      async ({ config }) => {
        const { proxy } = await import('./proxy.ts');
        finish(await proxy(config === undefined ? {} : { config }));
      },
    )
    .command('proxy-worker', false, {}, async () => {
      const { proxyWorker } = await import('./proxy.ts');
      finish(await proxyWorker());
    })
    .command(serverCommand)
    .command(caCommand);
  statusCommand(program);
  testCommand(program);
  auditCommand(program);
  supportBundleCommand(program);
  return program
    .demandCommand(1, 'a command is missing')
    .strictCommands()
    .strictOptions()
    .strict()
    .recommendCommands()
    .version(version)
    .help()
    .alias({ help: 'h' })
    .epilogue(exitStatuses('done'))
    .locale('en')
    .wrap(100)
    .exitProcess(false)
    .fail((message, error) => {
      // yargs has its own kind of error for some wrong command lines, a string for what check() finds (whatever its types
      // say), and hands over ours from the handlers
      if (error instanceof Error && error.name !== 'YError') throw error;
      throw new UsageError(message ?? error?.message);
    });
}

const doctorStatuses = `Exit status:
    0  nothing found, or notes only
    1  warnings
    2  holes or breakages
   64  wrong command line
   70  internal error
   77  not run by root`;

function configOption<T>(
  command: Argv<T>,
  usual = '/etc/trasa/trasa-agent.toml, then the file of the original agent',
): Argv<T & { config: string | undefined }> {
  return command.option('config', {
    type: 'string',
    requiresArg: true,
    describe: `configuration file [default: ${usual}]`,
  });
}

class UsageError extends Error {}
