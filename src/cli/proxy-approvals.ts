import type { Argv } from 'yargs';
import { callerOf } from '../host/caller.ts';
import { cleanText } from '../protocol/clean.ts';
import { type Approval, Approvals } from '../store/approvals.ts';
import { exitStatuses } from './exit-statuses.ts';
import { inStateOfProxy } from './proxy-state.ts';
import { fail, say } from './server-common.ts';

const statuses = exitStatuses('done', ['failed', 'noPermission', 'config']);

interface Arguments {
  readonly config: string | undefined;
}

/** `trasa-agent proxy approvals …`, for root and the proxy's own user. */
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
  inStateOfProxy(config, ({ stateDirectory }) => {
    const approvals = new Approvals(stateDirectory);
    try {
      work(approvals);
    } finally {
      approvals.close();
    }
  });
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
