/**
 * Carries a plan out. Whatever fails, all of it is undone at once; whatever kills this process, the timer undoes it, which
 * was set before the first file was touched.
 */
import { runProgram } from '../system/run-program.ts';
import { type SetupHost, type Trouble, trouble } from './host.ts';
import { beginJournal, type Change, continueJournal, type Journal } from './journal.ts';
import { momentNow, startOf } from './moment.ts';
import { NotPlaced, placeFile } from './place-file.ts';
import type { Plan } from './plan.ts';
import { revert } from './revert.ts';
import { reloadSshd, startDaemon } from './services.ts';
import { bootChanges, setTimer } from './timer.ts';
import { verifyPam, verifySshd } from './verify.ts';

export type Applied =
  | { readonly kind: 'applied'; readonly notes: readonly string[] }
  /** Everything is as it was, unless `left` says otherwise. */
  | { readonly kind: 'failed'; readonly troubles: readonly Trouble[]; readonly left: readonly Trouble[] };

export async function applyPlan(host: SetupHost, plan: Plan): Promise<Applied> {
  const boot = bootChanges(host);
  const journal: Journal = {
    id: host.newID(),
    writer: { pid: process.pid, started: startOf(process.pid) ?? momentNow() },
    revertAt: host.clock.now() + plan.wishes.revertAfterMs,
    reloaded: undefined,
    changes: [...boot, ...plan.changes],
  };
  const notes: string[] = [];
  try {
    if (!beginJournal(host.paths.directory, journal))
      return { kind: 'failed', troubles: [trouble('another setup has begun meanwhile')], left: [] };
    const troubles = await carryOut(host, plan, journal, boot, notes);
    if (troubles.length === 0) return { kind: 'applied', notes };
    return { kind: 'failed', troubles, left: (await revert(host, journal.id)).troubles };
  } catch (error) {
    const { troubles: left } = await revert(host, journal.id); // a bug is no reason to leave half of it
    if (error instanceof NotPlaced) return { kind: 'failed', troubles: [trouble(error.message)], left };
    throw error;
  }
}

async function carryOut(
  host: SetupHost,
  plan: Plan,
  journal: Journal,
  boot: readonly Change[],
  notes: string[],
): Promise<readonly Trouble[]> {
  const { paths, afterStep } = host;
  const { wishes, changes } = plan;
  afterStep('journal');
  const noTimer = await setTimer(host, journal.id, wishes.revertAfterMs);
  if (noTimer !== undefined) return [noTimer];
  afterStep('timer');
  place(boot);
  afterStep('boot');

  place(changes.filter(({ path }) => path.startsWith(paths.config)));
  afterStep('configuration');
  const refused = await checkAsDaemon(host, plan, notes);
  if (refused !== undefined) return [refused];
  const noDaemon = await startDaemon(host, plan.socket);
  if (noDaemon !== undefined) return [noDaemon];
  afterStep('daemon');

  place(changes.filter(({ path }) => path === paths.dropIn));
  afterStep('drop-in');
  const verified = await verifySshd(host, plan.dropIn, plan.accounts);
  if (verified.troubles.length > 0) return verified.troubles;
  notes.push(...verified.notes);
  place(changes.filter(({ path }) => path === paths.pamFile));
  afterStep('pam');
  const holes = verifyPam(plan.phases);
  if (holes.length > 0) return holes;

  const notReloaded = await reloadSshd(host);
  if (notReloaded !== undefined) return [notReloaded];
  afterStep('reload');
  continueJournal(paths.directory, { ...journal, reloaded: momentNow() });
  afterStep('done');
  return [];
}

function place(changes: readonly Change[]): void {
  for (const { path, after } of changes) placeFile(path, after);
}

/** `trasa-agent check` as the user who will read the file: first what is in it, then what the server says of this host. */
async function checkAsDaemon({ agent }: SetupHost, { observe }: Plan, notes: string[]): Promise<Trouble | undefined> {
  const check = async (...words: string[]): Promise<Trouble | undefined> => {
    const asDaemon = ['--reuid=trasa-agent', '--regid=trasa-agent', '--clear-groups', '--no-new-privs', agent];
    const ran = await runProgram('/usr/bin/setpriv', [...asDaemon, 'check', ...words], checkLimits);
    if (ran.kind === 'failed') return trouble(`cannot check the configuration: ${ran.why}`);
    return ran.status === 0 ? undefined : trouble(ran.stderr.trim());
  };
  const broken = await check('--offline');
  if (broken !== undefined) return broken;
  const refused = await check();
  if (refused === undefined || !observe) return refused;
  notes.push(`The server does not accept this host yet: ${refused.text}`);
  return undefined;
}

/** The configuration may allow each of several servers some time; nobody waits longer than that. */
const checkLimits = { timeoutMs: 120_000, maxBytes: 64 * 1024 };
