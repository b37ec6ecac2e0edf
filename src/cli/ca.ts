import type { CommandModule } from 'yargs';
import { caStatuses } from './ca-common.ts';
import { exportCommand } from './ca-export.ts';
import { hostCertCommand } from './ca-host-cert.ts';
import { initCommand } from './ca-init.ts';
import { issuedCommand } from './ca-issued.ts';
import { knownHostsCommand } from './ca-known-hosts.ts';
import { krlCommand } from './ca-krl.ts';
import { renewCommand } from './ca-renew.ts';
import { revokeCommand } from './ca-revoke.ts';
import { rotateCommand } from './ca-rotate.ts';
import { signUserCommand } from './ca-sign-user.ts';

/** `trasa-agent ca …`: all of them work on the CA's directory, as the user that owns it. */
export const caCommand: CommandModule = {
  command: 'ca',
  describe: 'the SSH CAs: certificates for people and hosts, and their revocation',
  builder: yargs => {
    const commands = [initCommand, exportCommand, signUserCommand, hostCertCommand];
    for (const add of [
      ...commands,
      renewCommand,
      issuedCommand,
      revokeCommand,
      krlCommand,
      knownHostsCommand,
      rotateCommand,
    ])
      add(yargs);
    return yargs.epilogue(caStatuses).demandCommand(1, 'a subcommand of ca is missing');
  },
  handler: () => undefined,
};
