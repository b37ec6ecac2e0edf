import type { Argv } from 'yargs';
import { caStatuses, finish } from './ca-common.ts';
import { changeHost } from './ca-host-change.ts';

export function installHostCommand(yargs: Argv): Argv {
  return yargs.command(
    'install-host <certificate>',
    'on a host: have sshd show this certificate; all of it, or nothing if sshd does not take it',
    command =>
      command
        .epilogue(caStatuses)
        .positional('certificate', {
          type: 'string',
          demandOption: true,
          describe: "of a key that is beside it (as the zip of host-cert has both), or of one of sshd's own",
        })
        .example('$0 ca install-host /etc/ssh/id_rsa-cert.pub', ''),
    async args => {
      const { planHostCertificate } = await import('../enlist/install-host.ts');
      const { usualSshd } = await import('../system/sshd-settings.ts');
      const plan = await planHostCertificate(args.certificate, usualSshd, Date.now());
      finish(plan.kind === 'done' ? await changeHost(plan.value) : plan);
    },
  );
}
