import { checkAccounts } from './checks/accounts.ts';
import { checkForcedCommand } from './checks/forced-command.ts';
import {
  checkDaemon,
  checkDenials,
  checkFiles,
  checkPackages,
  checkServers,
  checkState,
  checkUnseen,
} from './checks/host.ts';
import { checkHostCertificates } from './checks/host-certificates.ts';
import { checkOffline } from './checks/offline.ts';
import { checkPam } from './checks/pam.ts';
import { checkSettings } from './checks/settings.ts';
import { checkSshdWithPam } from './checks/sshd-pam.ts';
import { checkWaysIn } from './checks/sshd-ways.ts';
import type { Facts } from './facts.ts';
import { type Finding, inOrder } from './finding.ts';

/** All that is wrong, the worst first. Pure: the same facts have the same findings. */
export function examine(facts: Facts): Finding[] {
  const checks = [
    checkSettings,
    checkAccounts,
    checkWaysIn,
    checkForcedCommand,
    checkSshdWithPam,
    checkPam,
    checkFiles,
    checkDaemon,
    checkPackages,
    checkServers,
    checkHostCertificates,
    checkOffline,
    checkState,
    checkDenials,
    checkUnseen,
  ];
  return inOrder(checks.flatMap(check => check(facts)));
}
