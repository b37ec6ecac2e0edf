/** From wishes to files: what would be written, and why it cannot be, before anything is touched. */
import { existsSync, globSync } from 'node:fs';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { createLookup } from '../host/lookup.ts';
import type { PamPhase } from '../system/pam-stack.ts';
import { effectiveSettings } from '../system/sshd-settings.ts';
import { agentConfig } from './agent-config.ts';
import { type SetupHost, type Trouble, trouble } from './host.ts';
import type { Change } from './journal.ts';
import { putPamLines, takePamLines } from './pam-block.ts';
import { type Image, NotPlaced, readImage, sameImage } from './place-file.ts';
import { connectionOf } from './services.ts';
import { includeOf } from './setting-lines.ts';
import { type DropIn, dropInFor, dropInText } from './sshd-lines.ts';
import { isEverybody, type Scope, type Wishes } from './wishes.ts';

export interface Plan {
  readonly wishes: Wishes;
  readonly scope: Scope;
  readonly dropIn: DropIn;
  /** Of PAM that have lines of ours. */
  readonly phases: readonly PamPhase[];
  /** Where the daemon will listen. */
  readonly socket: string;
  /** In the order in which they are made; what is as it should be is not among them. */
  readonly changes: readonly Change[];
  /** What the administrator should know before. */
  readonly notes: readonly string[];
}

export type Planned =
  | { readonly kind: 'planned'; readonly plan: Plan }
  | { readonly kind: 'failed'; readonly troubles: readonly Trouble[] };

export async function planSetup(host: SetupHost, wishes: Wishes): Promise<Planned> {
  try {
    return await plan(host, wishes);
  } catch (error) {
    if (error instanceof NotPlaced) return failed(trouble(error.message));
    throw error;
  }
}

async function plan(host: SetupHost, wishes: Wishes): Promise<Planned> {
  const { paths, agent } = host;
  const daemon = await createLookup()('trasa-agent', false);
  const missing = [...missingParts(host, wishes), ...(daemon.kind === 'found' ? [] : [noDaemonUser])];
  if (missing.length > 0 || daemon.kind !== 'found') return failed(...missing);

  const standing = standingConfiguration(host, wishes);
  if ('troubles' in standing) return failed(...standing.troubles);
  const { scope, socket } = standing;
  if (wishes.door === 'pam-exec' && wishes.firstFactor === 'key' && !isEverybody(scope))
    return failed(trouble('pam_exec cannot tell those who are not meant from those who are', 'choose --door pam'));

  const today = await effectiveSettings(host.sshd, connectionOf('root'));
  if (today.kind === 'failed') return failed(trouble(`sshd does not accept its configuration as it is: ${today.why}`));
  const permitRootLogin = (today.answer.first('permitrootlogin') ?? 'yes').replace('without-', 'prohibit-');
  const knowsUnusedConnectionTimeout = today.answer.first('unusedconnectiontimeout') !== undefined;
  const dropIn = dropInFor({ ...wishes, scope, agent, knowsUnusedConnectionTimeout, permitRootLogin });

  const pam = readImage(paths.pamFile);
  const edited = pam === undefined ? undefined : pamTextFor(pam, wishes, scope, agent);
  if (edited === undefined && wishes.door !== 'force-command') return failed(trouble(`${paths.pamFile} is not there`));
  if (edited?.kind === 'refused') {
    const place = edited.line === undefined ? paths.pamFile : `${paths.pamFile}:${edited.line}`;
    return failed(trouble(`${place} ${edited.text}`, edited.hint));
  }

  const wanted: Change[] = [
    ...configChanges(host, wishes, daemon.user.gid),
    { path: paths.dropIn, before: readImage(paths.dropIn), after: rootsText(dropInText(dropIn), 0o644) },
    ...(pam === undefined || edited === undefined
      ? []
      : [{ path: paths.pamFile, before: pam, after: { ...pam, bytes: Buffer.from(edited.text, 'latin1') } }]),
  ];
  return {
    kind: 'planned',
    plan: {
      wishes,
      scope,
      dropIn,
      phases: phasesOf(wishes),
      socket,
      changes: wanted.filter(({ before, after }) => !sameImage(before, after)),
      notes: notesOn(wishes, scope, permitRootLogin),
    },
  };
}

const noDaemonUser = trouble(
  'there is no user trasa-agent, whom the package makes and the daemon runs as',
  'useradd --system --home-dir /var/lib/trasa-agent --shell /usr/sbin/nologin trasa-agent',
);

function missingParts({ paths, agent }: SetupHost, { door }: Wishes): Trouble[] {
  const troubles: Trouble[] = [];
  if (!existsSync(agent)) troubles.push(trouble(`${agent} is not there`, 'install the package trasa-agent'));
  if (door === 'pam' && globSync('/{usr/,}lib/{*/,}security/pam_trasa.so').length === 0)
    troubles.push(
      trouble('PAM has no module pam_trasa.so', 'install the package libpam-trasa, or choose --door pam-exec'),
    );
  if (includeOf(paths.sshdConfig, paths.dropIn) === undefined)
    troubles.push(
      trouble(
        `${paths.sshdConfig} does not include ${paths.dropIn}`,
        'make this its first line: Include /etc/ssh/sshd_config.d/*.conf',
      ),
    );
  return troubles;
}

/** Whom the configuration will ask, and where the daemon will listen. */
function standingConfiguration(
  { paths }: SetupHost,
  { configuration }: Wishes,
): { readonly scope: Scope; readonly socket: string } | { readonly troubles: readonly Trouble[] } {
  if (configuration !== undefined)
    return { scope: { users: configuration.users, groups: configuration.groups }, socket: usualSocket };
  const loaded = loadConfig(paths.config);
  if (loaded.kind === 'broken') return { troubles: loaded.problems.map(problem => trouble(formatProblem(problem))) };
  const { requiredUsers: users, requiredGroups: groups } = loaded.config.policy;
  return { scope: { users, groups }, socket: loaded.config.daemon.socket };
}

/** The default of the configuration's `socket`: one that setup makes names no other. */
const usualSocket = '/run/trasa-agent/agent.sock';

function configChanges({ paths }: SetupHost, { configuration }: Wishes, gid: number): Change[] {
  if (configuration === undefined) return [];
  const before = readImage(paths.config);
  const after = { ...rootsText(agentConfig(configuration), 0o640), gid };
  if (before === undefined || sameImage(before, after)) return [{ path: paths.config, before, after }];
  const backup = `${paths.config}.before-setup`;
  return [
    { path: backup, before: readImage(backup), after: { ...before, mode: 0o600, uid: 0, gid: 0 } },
    { path: paths.config, before, after },
  ];
}

function pamTextFor(pam: Image, { door, firstFactor }: Wishes, scope: Scope, agent: string) {
  const text = pam.bytes.toString('latin1');
  if (door === 'force-command') return { kind: 'edited', text: takePamLines(text) } as const;
  return putPamLines(text, { door, firstFactor, scope, agent });
}

function phasesOf({ door, firstFactor }: Wishes): PamPhase[] {
  if (door === 'force-command') return [];
  const asks: PamPhase[] = firstFactor === 'any' ? [] : ['auth'];
  return door === 'pam' || firstFactor === 'any' ? [...asks, 'account'] : asks;
}

function notesOn({ door, firstFactor, observe }: Wishes, scope: Scope, permitRootLogin: string): string[] {
  const notes: string[] = [];
  if (observe) notes.push('Nobody is asked for a second factor yet: the daemon only logs what would happen.');
  if (door === 'force-command')
    notes.push('A forced command is the weaker door: start-up files of the shell run before it. See trasa-agent(8).');
  if (door !== 'force-command' && firstFactor === 'key') {
    notes.push('Clients that cannot be asked (BatchMode, sftp -b, Ansible) will not get in with a key alone.');
    if (!isEverybody(scope))
      notes.push('Whoever is not meant logs in with a key only: passwords are not taken any more.');
    if (door === 'pam-exec' && permitRootLogin !== 'yes')
      notes.push(`Root cannot log in by ssh any more (PermitRootLogin ${permitRootLogin} allows no question).`);
  }
  if (door === 'pam-exec' && observe && firstFactor === 'key')
    notes.push('pam_exec asks "Password: " even so; whatever is typed there is not used.');
  return notes;
}

function rootsText(text: string, mode: number): Image {
  return { bytes: Buffer.from(text), mode, uid: 0, gid: 0 };
}

function failed(...troubles: readonly Trouble[]): Planned {
  return { kind: 'failed', troubles };
}
