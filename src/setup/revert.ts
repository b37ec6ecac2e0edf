/** Undoes what waits for a confirmation, or what an undoing that was interrupted has left. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { loadConfig } from '../config/load.ts';
import { type SetupHost, type Trouble, trouble } from './host.ts';
import { claimForRevert, findJournal, forgetReverting, type Journal } from './journal.ts';
import { startOf } from './moment.ts';
import { NotPlaced } from './place-file.ts';
import { reloadDaemon, reloadSshd } from './services.ts';
import { tidyBoot } from './timer.ts';
import { undo } from './undo.ts';

export interface Reverted {
  /** Was there anything to undo? */
  readonly undone: boolean;
  /** If there are any, it is not all done, and may be tried again. */
  readonly troubles: readonly Trouble[];
  readonly notes: readonly string[];
}

const nothing: Reverted = { undone: false, troubles: [], notes: [] };

/** @param only the journal that is meant: what was set up since then is none of a timer's business */
export async function revert(host: SetupHost, only?: string): Promise<Reverted> {
  try {
    return await revertFound(host, only);
  } catch (error) {
    if (!(error instanceof NotPlaced)) throw error;
    return { ...nothing, troubles: [trouble(error.message, 'then run: trasa-agent setup --revert')] };
  }
}

async function revertFound(host: SetupHost, only: string | undefined): Promise<Reverted> {
  const { directory } = host.paths;
  if (only !== undefined) await untilNobodyIsAtWork(directory);
  const found = findJournal(directory);
  if (found.kind === 'unreadable') return { ...nothing, troubles: [trouble(found.why)] };
  if (found.kind === 'none' || (only !== undefined && found.journal.id !== only)) return nothing;
  if (found.kind === 'waiting' && isAtWork(found.journal))
    return { ...nothing, troubles: [trouble(`a setup is at work (process ${found.journal.writer.pid})`)] };
  if (found.kind === 'waiting' && !claimForRevert(directory)) return nothing; // confirmed, or undone, at this moment
  const { notes, troubles } = undo(found.journal.changes, join(directory, 'saved'), path =>
    host.afterStep(`undo ${path}`),
  );
  tidyBoot(host);
  const notReloaded = await reloadSshd(host);
  // With the old configuration; if there was none, it keeps the new one, and nobody is sent to it any more.
  const loaded = loadConfig();
  if (loaded.kind === 'loaded') await reloadDaemon(host, loaded.config.daemon.socket);
  const left = notReloaded === undefined ? troubles : [...troubles, notReloaded];
  if (left.length === 0) forgetReverting(directory);
  return { undone: true, troubles: left, notes };
}

/** Is another process about to change what this journal has? What it does after the undoing nobody would undo. */
function isAtWork({ reloaded, writer }: Journal): boolean {
  if (reloaded !== undefined || writer.pid === process.pid) return false;
  const started = startOf(writer.pid);
  return started?.boot === writer.started.boot && started.ticks === writer.started.ticks;
}

/** A slow server can take longer than a short time to confirm. Every step of setup has an end of its own. */
async function untilNobodyIsAtWork(directory: string): Promise<void> {
  for (
    let found = findJournal(directory);
    found.kind === 'waiting' && isAtWork(found.journal);
    found = findJournal(directory)
  )
    await pause(pauseMs);
}

const pauseMs = 200;
