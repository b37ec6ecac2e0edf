/** `trasa-agent setup`: puts its real parts together. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readSafely } from '../host/safe-open.ts';
import { Secret } from '../otp/secret.ts';
import { exitStatus } from '../policy/refusals.ts';
import { cleanText } from '../protocol/clean.ts';
import { type Asker, askOn } from '../server/admin/terminal.ts';
import { type SetupHost, usualPaths } from '../setup/host.ts';
import { keep, setUp, takeBack, takeOut, tellStatus } from '../setup/run.ts';
import { usualSshd } from '../system/sshd-settings.ts';
import type { SetupArguments } from './setup-options.ts';

/** @returns the exit status */
export async function setup(args: SetupArguments): Promise<number> {
  const asker = askOn(process.stdin, process.stderr);
  try {
    return await withAsker(args, asker);
  } finally {
    asker.close();
  }
}

async function withAsker(args: SetupArguments, asker: Asker): Promise<number> {
  if (process.geteuid?.() !== 0) return wrong('setup needs root', exitStatus.noPermission);
  const host = thisHost();
  const isAsking = asker.isTerminal && !args.yes && !args.dryRun;
  const ask = async (question: string): Promise<string | undefined> => (await asker.ask(question))?.expose();
  const console = {
    out: (text: string) => void process.stdout.write(text),
    error: (text: string) => void process.stderr.write(text),
    prompter: isAsking ? { ask, askHidden: async (question: string) => await asker.askHidden(question) } : undefined,
  };
  if (args.confirm === true) return keep(host, console);
  if (args.revert === true) return await takeBack(host, console, args.journal);
  if (args.status === true) return tellStatus(host, console);
  if (args.remove === true) return await takeOut(host, console);

  if (!isAsking && !args.yes && !args.dryRun) return wrong('nobody is there to be asked: say --yes', exitStatus.usage);
  const minutes = args.revertAfter;
  if (!(minutes >= 1 && minutes <= 60)) return wrong('--revert-after takes 1 to 60 minutes', exitStatus.usage);
  const people = peopleOf(args.person);
  if (people === undefined) return wrong('--person takes ACCOUNT=TRASA-ID', exitStatus.usage);
  const key = args.serviceKeyFile === undefined ? undefined : await readKey(args.serviceKeyFile, asker);
  if (typeof key === 'string') return wrong(key, exitStatus.config);
  const seconds = args.revertAfterSeconds ?? minutes * 60;
  const given = {
    ...args,
    people: people.size === 0 ? undefined : people,
    serviceKey: key,
    revertAfterMs: seconds * 1000,
  };
  return await setUp(host, console, given, args.dryRun);
}

export function thisHost(): SetupHost {
  return {
    clock: { now: () => Date.now() },
    newID: () => randomBytes(8).toString('hex'),
    sshd: usualSshd,
    agent: '/usr/lib/trasa-agent/trasa-agent',
    paths: usualPaths,
    caller: process.env['SUDO_USER'],
    hasSystemd: existsSync('/run/systemd/system'),
    afterStep: () => {},
  };
}

/** Undefined: one of them is not ACCOUNT=TRASA-ID. What each may be, the configuration's reader knows. */
function peopleOf(words: readonly string[] = []): Map<string, string> | undefined {
  const people = new Map<string, string>();
  for (const word of words) {
    const at = word.indexOf('=');
    if (at < 1 || at === word.length - 1) return undefined;
    people.set(word.slice(0, at), word.slice(at + 1));
  }
  return people;
}

/** A string: why there is none. */
async function readKey(file: string, asker: Asker): Promise<Secret | string> {
  if (file === '-') return (await asker.askHidden('serviceKey: ')) ?? 'standard input has no line';
  const read = readSafely(file, { maxBytes: 4096, secret: true });
  if (read.kind === 'refused') return `${file} ${read.problem.text}`;
  return new Secret(read.text.trim());
}

function wrong(text: string, status: number): number {
  process.stderr.write(`trasa-agent: ${cleanText(text, 500)}\n`);
  return status;
}
