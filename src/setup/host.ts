/** What setup needs of this host: where things are, and how to make the services notice. Handed in, so that tests can. */
import type { Clock } from '../auth/ports.ts';
import type { SshdProgram } from '../system/sshd-settings.ts';

export interface SetupHost {
  readonly clock: Clock;
  /** A name for the journal that no other has. */
  readonly newID: () => string;
  readonly sshd: SshdProgram;
  /** Where sshd's forced command and pam_exec find the agent, and what undoes all this later. */
  readonly agent: string;
  readonly paths: SetupPaths;
  /** Who called sudo(8), if somebody did. */
  readonly caller: string | undefined;
  /** Is systemd process 1? (sd_booted(3)) */
  readonly hasSystemd: boolean;
  /** Something is done, on disk and in the services. For tests, which pull the plug here. */
  readonly afterStep: (step: string) => void;
}

export interface SetupPaths {
  readonly config: string;
  readonly sshdConfig: string;
  readonly dropIn: string;
  readonly pamFile: string;
  /** The journal's, root's alone. */
  readonly directory: string;
  /** What undoes at the next boot: of systemd, or of cron where there is none. */
  readonly bootUnit: string;
  /** What makes it part of the boot. */
  readonly bootWants: string;
  readonly bootCron: string;
}

export const usualPaths: SetupPaths = {
  config: '/etc/trasa/trasa-agent.toml',
  sshdConfig: '/etc/ssh/sshd_config',
  dropIn: '/etc/ssh/sshd_config.d/10-trasa-agent.conf',
  pamFile: '/etc/pam.d/sshd',
  directory: '/var/lib/trasa-setup',
  bootUnit: '/etc/systemd/system/trasa-agent-setup-revert.service',
  bootWants: '/etc/systemd/system/multi-user.target.d/trasa-agent-setup-revert.conf',
  bootCron: '/etc/cron.d/trasa-agent-setup-revert',
};

/** Something went wrong that is not a bug: what, for the administrator, and perhaps what to do. */
export interface Trouble {
  readonly text: string;
  readonly hint?: string;
}

export function trouble(text: string, hint?: string): Trouble {
  return hint === undefined ? { text } : { text, hint };
}
