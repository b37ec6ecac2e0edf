import type { Argv } from 'yargs';
import { type DecisionFilter, type LoggedDecision, outcomes, parseTime } from '../audit/decisions.ts';
import type { Decision } from '../policy/decision.ts';
import { exitStatus } from '../policy/refusals.ts';
import { exitStatuses } from './exit-statuses.ts';
import { hostSettings } from './host-settings.ts';
import { fail, say } from './server-common.ts';

const time = { type: 'string', requiresArg: true } as const;

export function auditCommand(yargs: Argv): Argv {
  return yargs.command(
    'audit',
    'decisions about logins, from the audit file or the journal',
    command =>
      command
        .options({
          user: { type: 'string', requiresArg: true, describe: 'of this account, or this TRASA ID' },
          outcome: { choices: outcomes, requiresArg: true, describe: 'that ended so' },
          reason: { type: 'string', requiresArg: true, describe: 'with this factor, rule or reason' },
          since: { ...time, describe: 'not older: 30m, 2h, 7d, 2030-12-31, 2030-12-31T08:00Z' },
          until: { ...time, describe: 'not younger; written like --since' },
          limit: { type: 'number', requiresArg: true, default: 50, describe: 'the last so many, 1 to 100000' },
          json: { type: 'boolean', default: false, describe: 'the lines as they were logged' },
          file: { type: 'string', requiresArg: true, describe: 'read this file instead' },
          config: { type: 'string', requiresArg: true, describe: 'configuration file [default: as for the daemon]' },
        })
        .epilogue(exitStatuses('done', ['failed', 'unavailable']))
        .example('$0 audit --outcome deny --since 1d', 'who was not let in since yesterday')
        .example('$0 audit --reason recovery-code --since 52w', 'break-glass'),
    async args => await printDecisions(args),
  );
}

interface AuditArguments {
  readonly user?: string | undefined;
  readonly outcome?: Decision['kind'] | undefined;
  readonly reason?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly limit: number;
  readonly json: boolean;
  readonly file?: string | undefined;
  readonly config?: string | undefined;
}

async function printDecisions(args: AuditArguments): Promise<void> {
  const { limit, json } = args;
  if (!Number.isInteger(limit) || limit < 1 || limit > 100_000)
    return fail('--limit: say a whole number from 1 to 100000', exitStatus.usage);
  const now = Date.now();
  const times = { since: timeOf(args.since, now), until: timeOf(args.until, now) };
  for (const [name, at] of Object.entries(times))
    if (Number.isNaN(at)) return fail(`--${name}: say 2h, 7d, 2030-12-31 or 2030-12-31T08:00Z`, exitStatus.usage);
  const filter: DecisionFilter = { user: args.user, outcome: args.outcome, reason: args.reason, ...times };

  const { table } = await import('../audit/decisions.ts');
  const { lastDecisions } = await import('../audit/last-decisions.ts');
  const place =
    args.file === undefined ? hostSettings(args.config).daemon : { auditFile: args.file, stateDirectory: '/' };
  const source = { ...place, since: times.since };
  const found: readonly LoggedDecision[] | string = await lastDecisions(source, filter, limit);
  if (typeof found === 'string') return fail(found, exitStatus.unavailable);
  for (const line of json ? found.map(one => one.line) : table(found)) say(line);
}

/** NaN if it is no time. */
function timeOf(text: string | undefined, now: number): number | undefined {
  return text === undefined ? undefined : (parseTime(text, now) ?? Number.NaN);
}
