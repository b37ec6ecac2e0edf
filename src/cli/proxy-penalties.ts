import type { Argv } from 'yargs';
import { exitStatuses } from './exit-statuses.ts';
import { stateOption, trying } from './proxy-control.ts';
import { say } from './server-common.ts';

const statuses = exitStatuses('done', ['failed', 'unavailable']);

/** `trasa-agent proxy penalties …`, for root and the proxy's own user. */
export function penaltiesCommand<T>(yargs: Argv<T>): Argv<T> {
  return yargs.command(
    'penalties',
    'addresses that are kept out for a while, since nobody there could log in',
    command =>
      command
        .command(
          'list',
          'each address, and until when',
          listing =>
            listing
              .options({
                ...stateOption,
                json: { type: 'boolean', default: false, describe: 'one JSON object a line' },
              })
              .epilogue(statuses),
          async ({ state, json }) => await trying(async () => await list(state, json)),
        )
        .command(
          'forgive <address>',
          'let it in again, at once',
          forgiving =>
            forgiving
              .positional('address', { type: 'string', demandOption: true, describe: 'as list has it' })
              .options(stateOption)
              .epilogue(statuses),
          async ({ state, address }) =>
            await trying(async () => {
              const { letIn } = await import('../proxy/control/ask-proxy.ts');
              return await letIn(state, address);
            }),
        )
        .epilogue(statuses)
        .demandCommand(1, 'say list or forgive'),
  );
}

async function list(state: string, json: boolean): Promise<undefined> {
  const { listKeptOut } = await import('../proxy/control/ask-proxy.ts');
  for (const { source, until } of await listKeptOut(state)) {
    const time = new Date(until).toISOString();
    say(json ? JSON.stringify({ source, until: time }) : `${source}\tuntil ${time}`);
  }
}
