import type { Argv } from 'yargs';
import { loadConfig } from '../config/load.ts';
import { exitStatus } from '../policy/refusals.ts';
import { exitStatuses } from './exit-statuses.ts';
import { say } from './server-common.ts';

export function statusCommand(yargs: Argv): Argv {
  return yargs.command(
    'status',
    'how things stand: configuration, daemon, server, rules, doors, last decisions',
    command =>
      command
        .options({
          config: { type: 'string', requiresArg: true, describe: 'configuration file [default: as for the daemon]' },
          json: { type: 'boolean', default: false, describe: 'one JSON object' },
        })
        .epilogue(exitStatuses('all is well', ['failed'])),
    async args => await printStatus(args.config, args.json),
  );
}

async function printStatus(config: string | undefined, json: boolean): Promise<void> {
  const { hostStatus } = await import('../report/host-status.ts');
  const sections = await hostStatus(loadConfig(config), Date.now());
  if (json) say(JSON.stringify(Object.fromEntries(sections.map(({ title, ...rest }) => [title, rest]))));
  else
    for (const { title, isWell, lines } of sections) {
      say(`${title}${isWell ? '' : ' (NOT WELL)'}`);
      for (const line of lines) say(`  ${line}`);
    }
  if (sections.some(({ isWell }) => !isWell)) process.exitCode = exitStatus.failed;
}
