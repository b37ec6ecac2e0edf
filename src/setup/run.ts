/** `trasa-agent setup`, from the command line to the exit status. */
import { existsSync } from 'node:fs';
import { usualPlaces } from '../config/load.ts';
import { exitStatus } from '../policy/refusals.ts';
import { applyPlan } from './apply.ts';
import { confirm } from './confirm.ts';
import { type SetupHost, type Trouble, trouble } from './host.ts';
import { findJournal, type Journal } from './journal.ts';
import { momentNow, startOf } from './moment.ts';
import { planSetup } from './plan.ts';
import { answerQuestions, type Given, type Prompter } from './questions.ts';
import { remove } from './remove.ts';
import { revert } from './revert.ts';
import { appliedText, noteText, planText, statusText, troubleText } from './tell.ts';
import type { Wishes } from './wishes.ts';

export interface Console {
  out(text: string): void;
  error(text: string): void;
  /** Undefined: nobody is there to be asked. */
  readonly prompter: Prompter | undefined;
}

/** @param dryRun say what would be done, and stop there */
export async function setUp(host: SetupHost, console: Console, given: Given, dryRun: boolean): Promise<number> {
  const pending = await clearAway(host, console, dryRun);
  if (pending !== undefined) return fail(console, exitStatus.tryLater, pending);
  const wishes = await wishesOf(console, given);
  if (typeof wishes === 'number') return wishes;
  const planned = await planSetup(host, wishes);
  if (planned.kind === 'failed') return fail(console, exitStatus.config, ...planned.troubles);
  const { plan } = planned;
  if (plan.changes.length === 0) {
    console.out('Everything is set up like this already; nothing was changed.\n');
    return 0;
  }
  console.out(planText(plan));
  if (dryRun) return 0;
  if (console.prompter !== undefined && (await console.prompter.ask('Go on? [yes/no] '))?.trim() !== 'yes') {
    console.out('Nothing was changed.\n');
    return exitStatus.interrupted;
  }
  const applied = await applyPlan(host, plan);
  if (applied.kind === 'failed') {
    fail(console, exitStatus.failed, ...applied.troubles);
    if (applied.left.length === 0) console.error('Everything is as it was.\n');
    return fail(console, exitStatus.failed, ...applied.left);
  }
  for (const note of applied.notes) console.out(`${noteText(note)}\n`);
  console.out(appliedText(wishes.revertAfterMs));
  return 0;
}

export function keep(host: SetupHost, console: Console): number {
  const confirmed = confirm(host);
  if (confirmed.kind === 'refused') return fail(console, exitStatus.noPermission, confirmed.trouble);
  console.out('Confirmed: it stays.\n');
  return 0;
}

/** @param only of this journal, for the timer */
export async function takeBack(host: SetupHost, console: Console, only: string | undefined): Promise<number> {
  const { undone, troubles, notes } = await revert(host, only);
  for (const note of notes) console.out(`${noteText(note)}\n`);
  if (troubles.length > 0) return fail(console, exitStatus.failed, ...troubles);
  console.out(undone ? 'Undone: everything is as it was before.\n' : 'There is nothing to undo.\n');
  return 0;
}

export async function takeOut(host: SetupHost, console: Console): Promise<number> {
  const troubles = await remove(host);
  if (troubles.length > 0) return fail(console, exitStatus.failed, ...troubles);
  console.out('sshd and PAM ask for no second factor any more. The configuration is still there.\n');
  return 0;
}

export function tellStatus(host: SetupHost, console: Console): number {
  console.out(statusText(findJournal(host.paths.directory), host.clock.now()));
  return 0;
}

/** What an earlier setup has left, and nobody will confirm any more, is undone first. */
async function clearAway(host: SetupHost, console: Console, dryRun: boolean): Promise<Trouble | undefined> {
  const found = findJournal(host.paths.directory);
  if (found.kind === 'none') return undefined;
  if (found.kind === 'unreadable') return trouble(found.why);
  if (found.kind === 'waiting' && !isOver(found.journal, host.clock.now()))
    return trouble(
      'an earlier setup waits for its confirmation',
      'trasa-agent setup --confirm from a new login, or trasa-agent setup --revert',
    );
  console.out('An earlier setup was not confirmed, and is undone first.\n');
  return dryRun ? undefined : (await revert(host)).troubles[0];
}

/** Its time is up, the host was started anew, or setup was interrupted. */
function isOver({ revertAt, reloaded, writer }: Journal, now: number): boolean {
  if (revertAt <= now || writer.started.boot !== momentNow().boot) return true;
  return reloaded === undefined && startOf(writer.pid)?.ticks !== writer.started.ticks;
}

async function wishesOf(console: Console, given: Given): Promise<Wishes | number> {
  const answered = await answerQuestions(
    given,
    console.prompter,
    usualPlaces.some(place => existsSync(place)),
  );
  switch (answered.kind) {
    case 'wishes':
      return answered.wishes;
    case 'given-up':
      console.out('Nothing was changed.\n');
      return exitStatus.interrupted;
    case 'missing':
      return fail(
        console,
        exitStatus.usage,
        trouble(`with --yes nobody is asked, so say ${answered.flags.join(', ')}`),
      );
  }
}

function fail(console: Console, status: number, ...troubles: readonly Trouble[]): number {
  for (const one of troubles) console.error(troubleText(one));
  return status;
}
