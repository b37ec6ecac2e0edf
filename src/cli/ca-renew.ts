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
        const { forbidDumps } = await import('../host/no-dumps.ts');
        if (url === null) return;
        forbidDumps(); // the host's keys are in memory from here on
        const plan = { server: { url, pin: args.pin }, files: args.certificate, all: args.all, unit: args.reload };
        finish(await renewAll(plan, { run: runProgram, say, now: Date.now }));
      });
    },
  );
}
