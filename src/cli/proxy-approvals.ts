import type { Argv } from 'yargs';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { callerOf } from '../host/caller.ts';
import { enterDirectory } from '../host/enter-directory.ts';
import { exitStatus } from '../policy/refusals.ts';
import { cleanText } from '../protocol/clean.ts';
import { type Approval, Approvals } from '../store/approvals.ts';
import { exitStatuses } from './exit-statuses.ts';
import { fail, say } from './server-common.ts';

const statuses = exitStatuses('done', ['failed', 'noPermission', 'config']);

interface Arguments {
  readonly config: string | undefined;
}

/**
 * `trasa-agent proxy approvals …`: the state is the proxy's, so each command becomes the proxy's user before it touches it;
 * nobody but root and that user can.
 */
export function approvalsCommand(yargs: Argv<Arguments>): Argv<Arguments> {
  return yargs.command('approvals', 'entries that wait for an administrator', command => {
    command.command(
      'list',
      'those that wait, and those that are in force',
      list =>
        list
          .option('json', { type: 'boolean', default: false, describe: 'a JSON object for each line' })
          .epilogue(statuses),
      args =>
        withApprovals(args, approvals => {
          for (const one of approvals.list(Date.now())) say(args.json ? JSON.stringify(one) : lineOf(one));
        }),
    );
    decisionCommand(command, 'approve', 'approved', 'let one in, and for as long as its policy says');
    decisionCommand(command, 'refuse', 'refused', 'turn one away, or take an approval back for the entries to come');
    return command.demandCommand(1, 'say list, approve or refuse').epilogue(statuses);
  });
}

function decisionCommand(
  yargs: Argv<Arguments>,
  word: 'approve' | 'refuse',
  state: 'approved' | 'refused',
  describe: string,
): void {
  yargs.command(
    `${word} <id>`,
    describe,
    command =>
      command
        .positional('id', { type: 'string', demandOption: true, describe: 'as the person, and `list`, say it' })
        .epilogue(statuses),
    args => {
      const by = callerOf();
      withApprovals(args, approvals => {
        const decided = approvals.decide(args.id.toUpperCase(), state, by, Date.now());
        if (decided === undefined) fail(`nothing waits under ${args.id}; see trasa-agent proxy approvals list`);
        else
          say(
            `${state}: ${cleanText(decided.person, 200)} to ${decided.account}@${decided.target} from ${decided.client}`,
          );
      });
    },
  );
}

function withApprovals({ config }: Arguments, work: (approvals: Approvals) => void): void {
  const loaded = loadConfig(config, undefined, 'proxy');
  if (loaded.kind === 'broken') {
    for (const problem of loaded.problems) fail(formatProblem(problem), exitStatus.config);
    return;
  }
  const { stateDirectory } = loaded.config.proxy;
  const fault = enterDirectory(stateDirectory);
  if (fault !== undefined) {
    fail(`${fault}; the proxy makes it when it starts`, exitStatus.noPermission);
    return;
  }
  const approvals = new Approvals(stateDirectory);
  try {
    work(approvals);
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  } finally {
    approvals.close();
  }
}

function lineOf({ id, state, person, account, target, client, policy, askedAt, lastsMs, decidedAt }: Approval): string {
  const until = new Date(decidedAt + lastsMs).toISOString();
  return [
    id,
    state === 'waiting' ? `waiting since ${new Date(askedAt).toISOString()}` : `approved until ${until}`,
    cleanText(person, 200),
    `${account}@${target}`,
    `from ${client}`,
    `policy ${policy}`,
  ].join('\t');
}
