/** Undoes what waits for a confirmation, or what an undoing that was interrupted has left. */
import { join } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { type SetupHost, type Trouble, trouble } from './host.ts';
import { claimForRevert, findJournal, forgetReverting } from './journal.ts';
import { NotPlaced } from './place-file.ts';
import { reloadDaemon, reloadSshd } from './services.ts';
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
  const { directory } = host.paths;
  const found = findJournal(directory);
  if (found.kind === 'unreadable') return { ...nothing, troubles: [trouble(found.why)] };
  if (found.kind === 'none' || (only !== undefined && found.journal.id !== only)) return nothing;
  if (found.kind === 'waiting' && !claimForRevert(directory)) return nothing; // confirmed, or undone, at this moment
  try {
    const notes = undo(found.journal.changes, join(directory, 'saved'), path => host.afterStep(`undo ${path}`));
    const notReloaded = await reloadSshd(host);
    // With the old configuration, or none; it keeps the new one then, and nobody is sent to it any more.
    const loaded = loadConfig();
    if (loaded.kind === 'loaded') await reloadDaemon(host, loaded.config.daemon.socket);
    if (notReloaded !== undefined) return { undone: true, troubles: [notReloaded], notes };
    forgetReverting(directory);
    return { undone: true, troubles: [], notes };
  } catch (error) {
    if (!(error instanceof NotPlaced)) throw error;
    return { undone: true, troubles: [trouble(error.message, 'then run: trasa-agent setup --revert')], notes: [] };
  }
}
