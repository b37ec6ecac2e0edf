import type { CommandModule } from 'yargs';
import { accessCommands } from './server-access.ts';
import { approveCommand } from './server-approve.ts';
import { serverStatuses } from './server-common.ts';
import { deviceCommands } from './server-device.ts';
import { enrolCommands } from './server-enrol.ts';
import { groupCommands } from './server-group.ts';
import { personCommands } from './server-person.ts';
import { serviceCommands } from './server-service.ts';
import { startCommand } from './server-start.ts';
import { vaultCommands } from './server-vault.ts';

/**
 * `trasa-agent server …`. All but `start` and `approve` work on the state directory itself, on the server's host and
 * while it runs: SQLite sees to that. What can be administered from afar is what TRASA's API has of the SSH CAs (api/ca.ts).
 */
export const serverCommand: CommandModule = {
  command: 'server',
  describe: 'the embedded TRASA-compatible server: its people, services and devices',
  builder: yargs => {
    startCommand(yargs);
    approveCommand(yargs);
    return yargs
      .command('person', 'who may log in', personCommands)
      .command('group', 'people who are given access together', groupCommands)
      .command('service', 'the hosts and applications that ask', serviceCommands)
      .command('access', 'who may enter which account of which service', accessCommands)
      .command('vault', 'what opens hosts that take no certificate of the access proxy', vaultCommands)
      .command('enrol', 'give a person a second factor', enrolCommands)
      .command('device', 'the second factors that people have', deviceCommands)
      .epilogue(serverStatuses)
      .demandCommand(1, 'a subcommand of server is missing');
  },
  handler: () => undefined,
};
