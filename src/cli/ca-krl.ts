import type { Argv } from 'yargs';
import {
  caStatuses,
  directoryOption,
  finish,
  give,
  outputOption,
  pinOption,
  unless,
  withAuthority,
} from './ca-common.ts';
import { say } from './server-common.ts';

export function krlCommand(yargs: Argv): Argv {
  return yargs.command(
    'krl',
    "all that was revoked, as sshd's RevokedKeys and ssh's RevokedHostKeys want it",
    command =>
      command
        .epilogue(caStatuses)
        .options({
          ...directoryOption,
          ...outputOption,
          url: {
            type: 'string',
            requiresArg: true,
            implies: 'output',
            describe: 'on a host: bring the list of a server to --output, which stays as it is if that fails',
          },
          ...pinOption,
        })
        .example('$0 ca krl --output /etc/ssh/trasa-revoked.krl', '')
        .example('$0 ca krl --url https://trasa.example.com/ca/krl --output /etc/ssh/trasa-revoked.krl', ''),
    async args => {
      const { url, output } = args;
      if (url !== undefined && output !== undefined) await fetchList(url, args.pin, output);
      else
        await withAuthority(args, async authority => {
          const { krlOf } = await import('../ca/revocation.ts');
          const { encodeKrl } = await import('../ssh/krl-write.ts');
          return await give(encodeKrl(krlOf(authority, Date.now())), output);
        });
    },
  );
}

async function fetchList(text: string, pin: string | undefined, file: string): Promise<void> {
  const url = URL.parse(text);
  await unless(url?.protocol === 'https:' ? undefined : `--url ${text}: say an https address`, async () => {
    const { fetchKrl } = await import('../server/host-side/fetch-krl.ts');
    if (url === null) return;
    const fetched = await fetchKrl({ url, pin }, file);
    if (fetched.kind === 'done' && fetched.value === 'new') say(`${file}: a new list`);
    finish(fetched);
  });
}
