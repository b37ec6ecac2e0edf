/** From wishes to files: what would be written, and why it cannot be, before anything is touched. */
import { existsSync, globSync } from 'node:fs';
import { createLookup } from '../host/lookup.ts';
import type { PamPhase } from '../system/pam-stack.ts';
import { matchLines } from '../system/sshd-match.ts';
import { effectiveSettings } from '../system/sshd-settings.ts';
import { type Account, accountsToVerify } from './accounts.ts';
import { type SetupHost, type Trouble, trouble } from './host.ts';
import type { Change } from './journal.ts';
import { notesOn, overridden } from './notes.ts';
import { putPamLines, takePamLines } from './pam-block.ts';
import { type Image, NotPlaced, readImage, rootsFile, sameImage } from './place-file.ts';
import { configChanges, standingConfiguration } from './plan-config.ts';
import { connectionOf, sshdOutOfReach } from './services.ts';
import { includeOf } from './setting-lines.ts';
import { type DropIn, dropInFor, dropInText, mark } from './sshd-lines.ts';
import { isEverybody, type Scope, type Wishes } from './wishes.ts';

export interface Plan {
  readonly wishes: Wishes;
  readonly scope: Scope;
  /** Of whom sshd is asked whether it will do it. */
  readonly accounts: readonly Account[];
  readonly dropIn: DropIn;
  /** Of PAM that have lines of ours. */
  readonly phases: readonly PamPhase[];
  /** Where the daemon will listen. */
  readonly socket: string;
  /** A server that refuses or does not answer is no reason to stop. */
  readonly observe: boolean;
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

  const standing = standingConfiguration(wishes.configuration);
  if (standing.kind === 'broken') return failed(...standing.troubles);
  const { scope, socket, observe } = standing;
  const odd = [...scope.users, ...scope.groups].find(name => !/^[^\s,*?!"'#\\-][^\s,*?!"'#\\]*$/.test(name));
  if (odd !== undefined) return failed(trouble(`sshd cannot be told of the user or group ${JSON.stringify(odd)}`));
  const { accounts, unknown } = await accountsToVerify(scope, [
    ...(host.caller === undefined ? [] : [host.caller]),
    ...matchLines(paths.sshdConfig).users,
  ]);
  if (unknown.length > 0) return failed(...unknown);
  if (wishes.door === 'pam-exec' && wishes.firstFactor === 'key' && !isEverybody(scope))
    return failed(trouble('pam_exec cannot tell those who are not meant from those who are', 'choose --door pam'));

  const today = await effectiveSettings(host.sshd, connectionOf('root'));
  if (today.kind === 'failed') return failed(trouble(`sshd does not accept its configuration as it is: ${today.why}`));
  const outOfReach = host.hasSystemd ? undefined : sshdOutOfReach(today.answer.first('pidfile') ?? 'none');
  if (outOfReach !== undefined) return failed(outOfReach);
  const pamService = today.answer.first('pamservicename') ?? 'sshd';
  if (pamService !== 'sshd' && wishes.door !== 'force-command')
    return failed(
      trouble(`sshd asks the PAM service ${pamService}, which setup does not know`, 'take PAMServiceName out'),
    );
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

  const written = readImage(paths.dropIn);
  if (written !== undefined && !written.bytes.toString('latin1').startsWith(mark))
    return failed(trouble(`${paths.dropIn} was not made by setup`, 'move it away, or take its lines out'));

  const wanted: Change[] = [
    ...configChanges(paths, wishes.configuration, daemon.user.gid),
    { path: paths.dropIn, before: written, after: rootsFile(dropInText(dropIn)) },
    ...(pam === undefined || edited === undefined
      ? []
      : [{ path: paths.pamFile, before: pam, after: { ...pam, bytes: Buffer.from(edited.text, 'latin1') } }]),
  ];
  return {
    kind: 'planned',
    plan: {
      wishes,
      scope,
      accounts,
      dropIn,
      phases: phasesOf(wishes),
      socket,
      changes: wanted.filter(({ before, after }) => !sameImage(before, after)),
      observe,
      notes: [...notesOn(wishes, standing, permitRootLogin), ...overridden(paths, dropIn)],
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

function failed(...troubles: readonly Trouble[]): Planned {
  return { kind: 'failed', troubles };
}
