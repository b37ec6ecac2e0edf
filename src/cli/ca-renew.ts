import type { Argv } from 'yargs';
import { caStatuses, finish, pinOption, unless } from './ca-common.ts';
import { say } from './server-common.ts';

export function renewCommand(yargs: Argv): Argv {
  return yargs.command(
    'renew <certificate..>',
    'on a host: get the next certificates of its keys by the present ones, from the server that has the Host CA',
    command =>
      command
        .epilogue(caStatuses)
        .positional('certificate', {
          type: 'string',
          array: true,
          demandOption: true,
          describe: 'a file …-cert.pub, with its key beside it',
        })
        .options({
          url: { type: 'string', requiresArg: true, demandOption: true, describe: 'of the server: https://…' },
          ...pinOption,
          reload: {
            type: 'string',
            requiresArg: true,
            describe: "reload this unit of systemd's afterwards: ssh on Debian, sshd elsewhere",
          },
          all: { type: 'boolean', default: false, describe: 'also what has more than a third of its time left' },
        })
        .example('$0 ca renew /etc/ssh/id_rsa-cert.pub --url https://trasa.example.com --reload ssh', ''),
    async args => {
      const url = URL.parse(args.url);
      await unless(url?.protocol === 'https:' ? undefined : `--url ${args.url}: say an https address`, async () => {
        const { renewAll } = await import('../server/host-side/renew-all.ts');
        const { runProgram } = await import('../system/run-program.ts');
        const { trustedCas } = await import('../server/host-side/trusted-cas.ts');
        const { trustPaths } = await import('../enlist/trust.ts');
        const { usualSshd } = await import('../system/sshd-settings.ts');
        const { forbidDumps } = await import('../host/no-dumps.ts');
        if (url === null) return;
        forbidDumps(); // the host's keys are in memory from here on
        const server = { url, pin: args.pin };
        const { certificate: files, all, reload: unit } = args;
        const ports = { run: runProgram, trustedCas: async () => await trustedCas(usualSshd), say, now: Date.now };
        finish(await renewAll({ server, files, all, unit, userCaFile: trustPaths.ca }, ports));
      });
    },
  );
}
