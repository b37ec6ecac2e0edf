import type { CommandModule } from 'yargs';
import { codesCommand } from './offline-codes.ts';
import { offlineStatuses } from './offline-common.ts';
import { enrolCommand } from './offline-enrol.ts';
import { revokeCommand } from './offline-revoke.ts';
import { statusCommand } from './offline-status.ts';

/**
 * `trasa-agent offline …`: break-glass, prepared beforehand. Run by root on the host itself. The state is the daemon's, so
 * each command becomes the daemon's user before it touches it, and the daemon looks whether the file has changed.
 */
export const offlineCommand: CommandModule = {
  command: 'offline',
  describe: 'factors of this host for when no server can answer; see trasa-agent-offline(8)',
  builder: yargs => {
    enrolCommand(yargs);
    codesCommand(yargs);
    statusCommand(yargs);
    revokeCommand(yargs);
    return yargs.epilogue(offlineStatuses).demandCommand(1, 'say enrol, codes, status or revoke');
  },
  handler: () => undefined,
};
