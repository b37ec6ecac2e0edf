import type { Argv } from 'yargs';
import { exitStatuses } from './exit-statuses.ts';
import { stateOption, trying } from './proxy-control.ts';
import { say } from './server-common.ts';

const statuses = exitStatuses('done', ['failed', 'unavailable']);

const sessionOption = { type: 'string', demandOption: true, describe: 'its id, as list has it' } as const;

/** `trasa-agent proxy sessions …`, for root and the proxy's own user. */
export function sessionsCommand<T>(yargs: Argv<T>): Argv<T> {
  return yargs.command('sessions', 'who is on which host through the proxy just now', command =>
    command
      .command(
        'list',
        'all sessions, the oldest first',
        listing =>
          listing
            .options({ ...stateOption, json: { type: 'boolean', default: false, describe: 'one JSON object a line' } })
            .epilogue(statuses),
        async ({ state, json }) => await trying(async () => await list(state, json)),
      )
      .command(
        'watch <id>',
        'show what the terminal of a session shows; who watched is in the audit log',
        watching => watching.positional('id', sessionOption).options(stateOption).epilogue(statuses),
        async ({ state, id }) => await trying(async () => await watch(state, id)),
      )
      .command(
        'end <id>',
        'end a session; the person is told that an administrator did',
        ending => ending.positional('id', sessionOption).options(stateOption).epilogue(statuses),
        async ({ state, id }) =>
          await trying(async () => {
            const { endSession } = await import('../proxy/control/ask-proxy.ts');
            return await endSession(state, id);
          }),
      )
      .epilogue(statuses)
      .demandCommand(1, 'say list, watch or end'),
  );
}

async function list(state: string, json: boolean): Promise<string | undefined> {
  const { listSessions } = await import('../proxy/control/ask-proxy.ts');
  const { showSessions } = await import('../proxy/control/show-sessions.ts');
  const { sessions, silent } = await listSessions(state);
  const lines = json ? sessions.map(session => JSON.stringify(session)) : showSessions(sessions, Date.now());
  for (const line of lines) say(line);
  return silent === 0 ? undefined : `${silent} of the workers did not answer: their sessions are missing`;
}

async function watch(state: string, id: string): Promise<string | undefined> {
  const { watchSession } = await import('../proxy/control/watch-session.ts');
  return await watchSession(state, id, {
    keys: process.stdin.isTTY && process.stdout.isTTY ? process.stdin : undefined,
    show: output => process.stdout.write(output),
    say: line => process.stderr.write(`${line}\r\n`),
  });
}
