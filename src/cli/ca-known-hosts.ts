import type { Argv } from 'yargs';
import type { CaResult } from '../ca/result.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { caStatuses, directoryOption, finish, give, unless, withAuthority } from './ca-common.ts';
import { say } from './server-common.ts';

export function knownHostsCommand(yargs: Argv): Argv {
  return yargs.command(
    'known-hosts <pattern..>',
    'the lines of /etc/ssh/ssh_known_hosts by which clients trust the Host CA for these hosts: printed, or put there',
    command =>
      command
        .epilogue(caStatuses)
        .positional('pattern', { type: 'string', array: true, demandOption: true, describe: 'such as *.example.com' })
        .options({
          ...directoryOption,
          keys: {
            type: 'string',
            requiresArg: true,
            describe: 'on a client: take the CAs from this file, which `ca export host` made',
          },
          install: {
            type: 'boolean',
            default: false,
            describe: 'put them into --file, in the place of those that were put there for the same patterns',
          },
          remove: { type: 'boolean', default: false, describe: 'take those out again' },
          file: {
            type: 'string',
            requiresArg: true,
            default: '/etc/ssh/ssh_known_hosts',
            describe: 'for --install and --remove',
          },
          any: { type: 'boolean', default: false, describe: 'allow a pattern that is every host, such as *' },
        })
        .example("$0 ca known-hosts '*.example.com' --keys host-ca.pub --install", ''),
    async args =>
      await unless(args.install && args.remove ? 'say --install or --remove' : undefined, async () => {
        if (args.remove) finish(await putInto({ ...args, any: true }, []));
        else await withCas(args, async cas => await giveOrInstall(args, cas));
      }),
  );
}

interface KnownHostsArguments {
  readonly pattern: readonly string[];
  readonly any: boolean;
  readonly file: string;
  readonly install: boolean;
}

async function withCas(
  args: { readonly ca: string; readonly keys?: string | undefined },
  work: (cas: readonly PublicKey[]) => Promise<CaResult<unknown>>,
): Promise<void> {
  if (args.keys !== undefined) {
    const { readPublicKeys } = await import('../ca/files.ts');
    const keys = readPublicKeys(args.keys);
    finish(keys.kind === 'done' ? await work(keys.value) : keys);
    return;
  }
  await withAuthority(args, async authority => {
    const { trustedKeys } = await import('../ca/rotation.ts');
    const keys = trustedKeys(authority, 'host', Date.now());
    return keys.kind === 'done' ? await work(keys.value) : keys;
  });
}

async function giveOrInstall(args: KnownHostsArguments, cas: readonly PublicKey[]): Promise<CaResult<unknown>> {
  if (args.install) return await putInto(args, cas);
  const { knownHostsLines } = await import('../ca/known-hosts.ts');
  const lines = knownHostsLines(cas, args.pattern, args.any);
  return lines.kind === 'done' ? await give(lines.value, undefined) : lines;
}

async function putInto(
  { pattern, any, file }: KnownHostsArguments,
  cas: readonly PublicKey[],
): Promise<CaResult<unknown>> {
  const { installKnownHosts } = await import('../enlist/known-hosts.ts');
  const installed = installKnownHosts({ file, patterns: pattern, any, cas });
  if (installed.kind === 'done') say(installed.value ? `wrote ${file}` : `${file}: is so already`);
  return installed;
}
