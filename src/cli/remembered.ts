/** `trasa-agent holds` and `trasa-agent graces`: what the daemon or the proxy remembers of logins, seen and ended. */
import type { Argv, CommandModule } from 'yargs';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { standardConfig } from '../config/standard-config.ts';
import { enterDirectory } from '../host/enter-directory.ts';
import { exitStatus } from '../policy/refusals.ts';
import type { ThrottleLimits } from '../policy/throttle.ts';
import { cleanText } from '../protocol/clean.ts';
import type { Grace, Hold, Remembered } from '../store/remembered.ts';
import { exitStatuses } from './exit-statuses.ts';
import { fail, say } from './server-common.ts';

const statuses = exitStatuses('done', ['failed', 'noPermission']);

interface Common {
  readonly proxy: boolean;
  readonly config?: string | undefined;
}

export const holdsCommand: CommandModule = {
  command: 'holds',
  describe: 'who is held off after wrong codes, passwords and pushes',
  builder: yargs =>
    yargs
      .command(
        'list',
        'whose failures count, and until when they are held off',
        command => listOptions(command),
        async args => await listHolds(args),
      )
      .command(
        'release <who..>',
        'forget the failures of accounts, people (TRASA IDs) or addresses',
        command =>
          commonOptions(command)
            .positional('who', { type: 'string', array: true, demandOption: true })
            .epilogue(statuses),
        async ({ who, ...args }) =>
          await within(args, memory => {
            for (const one of who) {
              if (memory.release(one)) say(`released ${cleanText(one, 100)}`);
              else fail(`nothing is counted against ${cleanText(one, 100)}`);
            }
          }),
      )
      .demandCommand(1, 'say list or release')
      .epilogue(statuses),
  handler: () => undefined,
};

export const gracesCommand: CommandModule = {
  command: 'graces',
  describe: 'who is not asked for a second factor again, for a while',
  builder: yargs =>
    yargs
      .command(
        'list',
        'each grace: who, from where, with which key, until when',
        command => listOptions(command),
        async args => await listGraces(args),
      )
      .command(
        'revoke [id..]',
        'end them, at once',
        command =>
          commonOptions(command)
            .positional('id', { type: 'string', array: true, default: [], describe: 'as `graces list` shows it' })
            .option('of', { type: 'string', requiresArg: true, describe: 'all of this account or TRASA ID' })
            .option('all', { type: 'boolean', default: false, describe: 'all there are' })
            .epilogue(statuses),
        async args => await revokeGraces(args),
      )
      .demandCommand(1, 'say list or revoke')
      .epilogue(statuses),
  handler: () => undefined,
};

function commonOptions<T>(yargs: Argv<T>) {
  return yargs.options({
    proxy: { type: 'boolean', default: false, describe: "the proxy's, not the daemon's" },
    config: {
      type: 'string',
      requiresArg: true,
      describe: 'configuration file [default: as for the daemon, or the proxy]',
    },
  });
}

function listOptions<T>(yargs: Argv<T>) {
  return commonOptions(yargs)
    .option('json', { type: 'boolean', default: false, describe: 'a JSON object for each line' })
    .epilogue(statuses);
}

async function listHolds(args: Common & { readonly json: boolean }): Promise<void> {
  await within(args, (memory, throttle) => {
    const now = Date.now();
    for (const hold of memory.holds(throttle, now)) say(args.json ? jsonOf(hold) : holdLine(hold));
  });
}

function holdLine({ what, who, failures, until }: Hold): string {
  return [what, cleanText(who, 100), `${failures} failed`, until === 0 ? 'not held' : `until ${time(until)}`].join(
    '\t',
  );
}

async function listGraces(args: Common & { readonly json: boolean }): Promise<void> {
  await within(args, memory => {
    for (const grace of memory.graces(Date.now())) say(args.json ? jsonOf(grace) : graceLine(grace));
  });
}

function graceLine({ id, account, address, key, person, target, until }: Grace): string {
  const who = person === undefined ? account : `${person} as ${account}@${target}`;
  return [id, cleanText(who, 200), `from ${address}`, key ?? 'no key', `until ${time(until)}`].join('\t');
}

async function revokeGraces(
  args: Common & { readonly id: readonly string[]; readonly of?: string | undefined; readonly all: boolean },
): Promise<void> {
  const { id, of, all } = args;
  if ([id.length > 0, of !== undefined, all].filter(Boolean).length !== 1)
    return fail('say which: IDs, or --of WHO, or --all', exitStatus.usage);
  await within(args, memory => {
    const chosen = memory
      .graces(Date.now())
      .filter(
        grace => all || id.includes(grace.id) || (of !== undefined && [grace.account, grace.person].includes(of)),
      );
    const missing = id.filter(one => !chosen.some(grace => grace.id === one));
    for (const one of missing) fail(`there is no grace ${cleanText(one, 40)}`);
    say(`revoked ${memory.revoke(chosen)}`);
  });
}

/** The state is the service's: this process becomes its owner before it touches it. */
async function within(
  { config, proxy }: Common,
  work: (memory: Remembered, throttle: ThrottleLimits) => void,
): Promise<void> {
  const loaded = loadConfig(config, undefined, proxy ? 'proxy' : 'daemon');
  if (loaded.kind === 'broken')
    for (const problem of loaded.problems) process.stderr.write(`warning: ${formatProblem(problem)}\n`);
  const settings = loaded.kind === 'broken' ? standardConfig() : loaded.config;
  const { stateDirectory } = proxy ? settings.proxy : settings.daemon;
  const fault = enterDirectory(stateDirectory);
  if (fault !== undefined) return fail(fault, exitStatus.noPermission);
  const { Remembered } = await import('../store/remembered.ts');
  try {
    const memory = new Remembered(stateDirectory);
    work(memory, settings.throttle);
    memory.close();
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

function jsonOf({ until, ...rest }: Hold | Grace): string {
  return JSON.stringify({ ...rest, until: until === 0 ? null : time(until) });
}
