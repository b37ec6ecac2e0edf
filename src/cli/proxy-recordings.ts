/** `trasa-agent proxy recordings …`: what the proxy has recorded, for its user and root. */
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Argv } from 'yargs';
import { parseTime } from '../audit/decisions.ts';
import { enterDirectory } from '../host/enter-directory.ts';
import { exitStatus } from '../policy/refusals.ts';
import type { Place } from '../proxy/recording/verify.ts';
import { exitStatuses } from './exit-statuses.ts';
import { hostSettings } from './host-settings.ts';
import { fail, say } from './server-common.ts';

const statuses = exitStatuses('done', ['failed', 'noPermission']);

const placeOptions = {
  config: { type: 'string', requiresArg: true, describe: 'configuration file [default: as for the proxy]' },
  directory: { type: 'string', requiresArg: true, describe: 'where they are, if not where the configuration says' },
} as const;

const namePositional = {
  type: 'string',
  demandOption: true,
  describe: 'name of a recording, or the id of its session',
} as const;

const namesPositional = {
  type: 'string',
  array: true,
  default: [],
  describe: 'names, or ids of sessions [default: all]',
} as const;

export function recordingsCommand(yargs: Argv): Argv {
  return yargs.command('recordings', 'what the proxy has recorded', command => {
    for (const add of [listCommand, playCommand, verifyCommand, exportCommand, keyCommand]) add(command);
    return command.epilogue(statuses).demandCommand(1, 'a subcommand of recordings is missing');
  });
}

function listCommand(yargs: Argv): Argv {
  const time = { type: 'string', requiresArg: true } as const;
  return yargs.command(
    'list',
    'one line each, oldest first',
    command =>
      command.epilogue(statuses).options({
        ...placeOptions,
        person: { type: 'string', requiresArg: true, describe: 'of this TRASA ID' },
        account: { type: 'string', requiresArg: true, describe: 'of this account' },
        service: { type: 'string', requiresArg: true, describe: 'of this service' },
        since: { ...time, describe: 'begun not before: 30m, 2h, 7d, 2030-12-31, 2030-12-31T08:00Z' },
        until: { ...time, describe: 'begun not after; written like --since' },
        json: { type: 'boolean', default: false, describe: 'a line of JSON each, for scripts' },
      }),
    async args => {
      const [since, until] = [args.since, args.until].map(text => timeOf(text, Date.now()));
      if (Number.isNaN(since) || Number.isNaN(until))
        return fail('--since, --until: say 2h, 7d, 2030-12-31 or 2030-12-31T08:00Z', exitStatus.usage);
      await inDirectory(args, async directory => {
        const { listRecordings, recordingsAsJson, recordingsAsTable } = await import('../proxy/recording/list.ts');
        const { person, account, service } = args;
        const all = listRecordings(directory, { person, account, service, since, until });
        for (const line of args.json ? recordingsAsJson(all) : recordingsAsTable(all)) say(line);
      });
    },
  );
}

function playCommand(yargs: Argv): Argv {
  return yargs.command(
    'play <name>',
    'show it again, with everything left out that a terminal would answer or obey',
    command =>
      command
        .epilogue(statuses)
        .positional('name', namePositional)
        .options({
          ...placeOptions,
          speed: { type: 'number', requiresArg: true, default: 1, describe: 'so many times as fast; 0: at once' },
          'idle-limit': { type: 'number', requiresArg: true, describe: 'no pause is longer than so many seconds' },
        })
        .example('$0 proxy recordings play 01J…-1.cast --idle-limit 2', ''),
    async args => {
      const { name, speed, idleLimit = Infinity } = args;
      if (!(speed >= 0) || !(idleLimit >= 0))
        return fail('--speed, --idle-limit: say a number from 0 up', exitStatus.usage);
      await inDirectory(args, async directory => {
        const { namedRecordings } = await import('../proxy/recording/shelf.ts');
        const { play, restore } = await import('../proxy/recording/play.ts');
        const [file, ...more] = namedRecordings(directory, name);
        if (file === undefined) return fail(`there is no recording ${name} in ${directory}`);
        if (more.length > 0) return fail(`say which of them: ${[file, ...more].join(', ')}`);
        const options = { speed: speed === 0 ? Infinity : speed, idleLimitMs: idleLimit * 1000 };
        process.once('SIGINT', () => {
          process.stdout.write(restore(file), () => process.exit(exitStatus.interrupted));
        });
        await play(directory, file, options, { write: toStdout, wait: async ms => await pause(ms) });
      });
    },
  );
}

function verifyCommand(yargs: Argv): Argv {
  return yargs.command(
    'verify [names..]',
    'are they what was recorded, and are all there?',
    command =>
      command
        .positional('names', namesPositional)
        .options({
          ...placeOptions,
          key: {
            type: 'string',
            requiresArg: true,
            describe: "file of the public key, if not the proxy's own; with --directory for a copy, on any host",
          },
          head: {
            type: 'string',
            requiresArg: true,
            describe:
              'the last line that you know of (`journal` of recording-sealed in the log): was anything cut off since?',
          },
        })
        .epilogue(verifyStatuses),
    async args => await orSay(async () => await verify(args)),
  );
}

const verifyStatuses = `Exit status:
    0  all are sealed and in order, or their sessions still run
    1  some were cut off before they could be sealed, and nothing is worse
    2  something is not what was recorded, or is not there
   64  wrong command line
   70  internal error
   77  denied`;

function exportCommand(yargs: Argv): Argv {
  return yargs.command(
    'export [names..]',
    'recordings, their seals, the journal and the public key, as a tar archive',
    command =>
      command
        .epilogue(statuses)
        .positional('names', namesPositional)
        .options({
          ...placeOptions,
          output: { type: 'string', requiresArg: true, describe: 'a new file, mode 0600 [default: standard output]' },
        })
        .example('$0 proxy recordings export 01J… | tar xf -', ''),
    async args => await orSay(async () => await exportThem(args)),
  );
}

function keyCommand(yargs: Argv): Argv {
  return yargs.command(
    'key',
    'the public key that seals recordings',
    command =>
      command.epilogue(statuses).options({
        config: placeOptions.config,
        'allowed-signers': { type: 'boolean', default: false, describe: 'as ssh-keygen -Y verify wants it' },
      }),
    async ({ config, allowedSigners: asSigners }) =>
      await orSay(async () => {
        const found = places({ config });
        if (found === undefined) return;
        const { allowedSigners } = await import('../proxy/recording/export.ts');
        const { signingKeyName } = await import('../proxy/recording/open-recorder.ts');
        const { publicKeysIn } = await import('../proxy/recording/place.ts');
        const { publicKeyLine } = await import('../ssh/key-line.ts');
        const keys = publicKeysIn(join(found.state, `${signingKeyName}.pub`));
        say(asSigners ? allowedSigners(keys).trimEnd() : keys.map(key => publicKeyLine(key)).join('\n'));
      }),
  );
}

async function verify(
  args: PlaceArguments & {
    readonly names: readonly string[];
    readonly key?: string | undefined;
    readonly head?: string | undefined;
  },
): Promise<void> {
  const { placeOfCopy, placeOfProxy, verification } = await import('../proxy/recording/place.ts');
  const { names, key, head, directory } = args;
  let place: Place;
  if (key !== undefined && directory !== undefined) place = placeOfCopy(directory, key);
  else {
    const found = places(args);
    if (found === undefined) return;
    place = placeOfProxy(found.state, found.directory, key);
  }
  const { verdicts, faults, status } = verification(place, names, head);
  for (const { file, state, detail } of verdicts) say(`${file}: ${state}: ${detail}`);
  for (const fault of faults) say(`journal: tampered: ${fault}`);
  if (status !== 0) process.exitCode = status;
}

async function exportThem(
  args: PlaceArguments & { readonly names: readonly string[]; readonly output?: string | undefined },
): Promise<void> {
  if (args.output === undefined && process.stdout.isTTY)
    return fail('an archive is nothing for a terminal: say --output, or | tar xf -', exitStatus.usage);
  const { chosen, journalLines, placeOfProxy } = await import('../proxy/recording/place.ts');
  const { exportRecordings } = await import('../proxy/recording/export.ts');
  const { state, directory } = pathsOf(args);
  const files = chosen(directory, args.names);
  if (typeof files === 'string') return fail(files);
  const fd = args.output === undefined ? undefined : openSync(args.output, 'wx', 0o600); // while this may still be root
  if (!enter(state)) return;
  const { keys } = placeOfProxy(state, directory);
  const write = async (bytes: Buffer): Promise<void> => {
    if (fd === undefined) await toStdout(bytes);
    else for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  };
  const journal = journalLines(state);
  await exportRecordings(files, { directory, keys, journal, now: Date.now(), write });
}

interface PlaceArguments {
  readonly config?: string | undefined;
  readonly directory?: string | undefined;
}

interface Paths {
  readonly state: string;
  readonly directory: string;
}

function pathsOf({ config, directory }: PlaceArguments): Paths {
  const { stateDirectory, recordDirectory } = hostSettings(config, 'proxy').proxy;
  return { state: stateDirectory, directory: directory ?? recordDirectory };
}

/** From here on as the proxy's user. False: it was said why not. */
function enter(state: string): boolean {
  const fault = enterDirectory(state);
  if (fault !== undefined) fail(fault, exitStatus.noPermission);
  return fault === undefined;
}

function places(args: PlaceArguments): Paths | undefined {
  const paths = pathsOf(args);
  return enter(paths.state) ? paths : undefined;
}

async function inDirectory(args: PlaceArguments, work: (directory: string) => Promise<unknown>): Promise<void> {
  await orSay(async () => {
    const directory = args.directory ?? places(args)?.directory;
    if (directory !== undefined) await work(directory);
  });
}

/** What is denied, or is not there, is no bug. */
async function orSay(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    if (error.code === 'EPIPE') return; // whoever read has seen enough
    const isDenied = error.code === 'EACCES' || error.code === 'EPERM';
    fail(error.message, isDenied ? exitStatus.noPermission : exitStatus.failed);
  }
}

async function toStdout(data: string | Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => {}); // told below, too
    process.stdout.write(data, error => (error ? reject(error) : resolve()));
  });
}

/** NaN if it is no time. */
function timeOf(text: string | undefined, now: number): number | undefined {
  return text === undefined ? undefined : (parseTime(text, now) ?? Number.NaN);
}
