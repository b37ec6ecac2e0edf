import { setTimeout as delay } from 'node:timers/promises';
import type { Argv } from 'yargs';
import { exitStatus } from '../policy/refusals.ts';
import { type Asker, askOn } from '../server/admin/terminal.ts';
import type { ApproveOptions } from '../server/device/approve.ts';
import { fail, say } from './server-common.ts';

interface ApproveArguments {
  readonly device: string;
  readonly yes: boolean;
  readonly no: boolean;
  readonly number?: string | undefined;
  readonly once: boolean;
}

export function approveCommand(yargs: Argv): Argv {
  return yargs.command(
    'approve',
    'be a push device: wait for pushes, show them, send the answers',
    command =>
      command
        .options({
          device: { type: 'string', requiresArg: true, demandOption: true, describe: 'file of `server enrol push`' },
          number: { type: 'string', requiresArg: true, describe: 'say yes to the push with this number, no to others' },
          yes: { type: 'boolean', default: false, describe: 'say yes to everything (tests, demonstrations)' },
          no: { type: 'boolean', default: false, describe: 'say no to everything' },
          once: { type: 'boolean', default: false, describe: 'stop after one answer' },
        })
        .check(
          ({ yes, no, number }) =>
            Number(yes) + Number(no) + Number(number !== undefined) <= 1 || 'say one of --yes, --no and --number',
        )
        .example('$0 server approve --device alice.device', 'asks about each push')
        .example('$0 server approve --device alice.device --number 42 --once', '')
        .epilogue('With --once: exit status 0 if the answer was yes, 77 if it was no.'),
    async args => await approvePushes(args),
  );
}

async function approvePushes(args: ApproveArguments): Promise<void> {
  const { readDevice } = await import('../server/device/device-file.ts');
  const read = readDevice(args.device);
  if (read.kind === 'broken') {
    fail(read.text, exitStatus.config);
    return;
  }
  const { approve } = await import('../server/device/approve.ts');
  const { deviceClient } = await import('../server/device/device-client.ts');
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGTERM', onSignal).once('SIGINT', onSignal);
  const asker = askOn(process.stdin, process.stdout);
  say(`Waiting for pushes to ${read.device.person} …`);
  try {
    const client = deviceClient(read.device);
    const ended = await approve({ client, decide: decider(args, asker), say, once: args.once, pause }, stop.signal);
    if (ended.kind === 'failed') fail(ended.text);
    if (ended.kind === 'answered' && !ended.isApproved) process.exitCode = exitStatus.noPermission;
  } finally {
    asker.close();
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
  }
}

function decider({ yes, no, number }: ApproveArguments, asker: Asker): ApproveOptions['decide'] {
  if (yes || no) return async () => await Promise.resolve(yes);
  if (number !== undefined) return async push => await Promise.resolve(push.number === number);
  return async (push, withdrawn) => {
    const question = push.number === '' ? 'Let in? [y/n] ' : 'Let in, and is the number the same there? [y/n] ';
    for (;;) {
      const answer = (await asker.ask(question, withdrawn))?.expose().trim().toLowerCase();
      if (answer === undefined) return undefined;
      if (answer === 'y' || answer === 'yes') return true;
      if (answer === 'n' || answer === 'no') return false;
    }
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined); // the only error is the abort
}
