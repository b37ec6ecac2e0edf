import type { CommandModule } from 'yargs';
import { caStatuses } from './ca-common.ts';
import { exportCommand } from './ca-export.ts';
import { hostCertCommand } from './ca-host-cert.ts';
import { initCommand } from './ca-init.ts';
import { installHostCommand } from './ca-install-host.ts';
import { issuedCommand } from './ca-issued.ts';
import { knownHostsCommand } from './ca-known-hosts.ts';
import { krlCommand } from './ca-krl.ts';
import { renewCommand } from './ca-renew.ts';
import { revokeCommand } from './ca-revoke.ts';
import { rotateCommand } from './ca-rotate.ts';
import { signUserCommand } from './ca-sign-user.ts';
import { trustCommand } from './ca-trust.ts';

/**
 * `trasa-agent ca …`. Those for hosts (trust, install-host, renew, and krl with --url) work on the host that they are run
 * on; the others on the CA's directory, as the user that owns it.
 */
export const caCommand: CommandModule = {
  command: 'ca',
  describe: 'the SSH CAs: certificates for people and hosts, and their revocation',
  builder: yargs => {
    const certify = [initCommand, exportCommand, signUserCommand, hostCertCommand];
    const onHosts = [trustCommand, installHostCommand, renewCommand];
    const keep = [issuedCommand, revokeCommand, krlCommand, knownHostsCommand, rotateCommand];
    for (const add of [...certify, ...onHosts, ...keep]) add(yargs);
    return yargs.epilogue(caStatuses).demandCommand(1, 'a subcommand of ca is missing');
  },
  handler: () => undefined,
};
