/** What becomes of trasa-agent.toml, and what it says of the rest. */
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { agentConfig } from './agent-config.ts';
import { type SetupPaths, type Trouble, trouble } from './host.ts';
import type { Change } from './journal.ts';
import { readImage, rootsFile, sameImage } from './place-file.ts';
import type { NewConfiguration, Scope } from './wishes.ts';

export interface Standing {
  readonly kind: 'standing';
  readonly scope: Scope;
  /** Where the daemon will listen. */
  readonly socket: string;
  readonly observe: boolean;
  /** Can the person behind an account be told without asking? */
  readonly tellsPerson: (account: string) => boolean;
}

/** What the new configuration will mean, or the one that is kept does. */
export function standingConfiguration(
  wanted: NewConfiguration | undefined,
): Standing | { readonly kind: 'broken'; readonly troubles: readonly Trouble[] } {
  if (wanted !== undefined) {
    const { users, groups, domain, people, observe } = wanted;
    const tellsPerson = (account: string): boolean => domain !== undefined || people.has(account);
    return { kind: 'standing', scope: { users, groups }, socket: usualSocket, observe, tellsPerson };
  }
  const loaded = loadConfig();
  if (loaded.kind === 'broken')
    return { kind: 'broken', troubles: loaded.problems.map(problem => trouble(formatProblem(problem))) };
  const { policy, identity, daemon } = loaded.config;
  return {
    kind: 'standing',
    scope: { users: policy.requiredUsers, groups: policy.requiredGroups },
    socket: daemon.socket,
    observe: policy.observe,
    tellsPerson: account => identity.domain !== '' || identity.people.has(account),
  };
}

/** The default of the configuration's `socket`: one that setup makes names no other. */
const usualSocket = '/run/trasa-agent/agent.sock';

/** @param gid of the daemon */
export function configChanges({ config }: SetupPaths, wanted: NewConfiguration | undefined, gid: number): Change[] {
  if (wanted === undefined) return [];
  const before = readImage(config);
  const after = { ...rootsFile(agentConfig(wanted), 0o640), gid };
  if (before === undefined || sameImage(before, after)) return [{ path: config, before, after }];
  const backup = `${config}.before-setup`;
  return [
    { path: backup, before: readImage(backup), after: { ...before, mode: 0o600, uid: 0, gid: 0 } },
    { path: config, before, after },
  ];
}
