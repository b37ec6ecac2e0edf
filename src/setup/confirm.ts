import { type SetupHost, type Trouble, trouble } from './host.ts';
import { claimForKeeping, findJournal } from './journal.ts';
import { whyNoNewLogin } from './new-login.ts';
import { NotPlaced, placeFile } from './place-file.ts';
import { bootChanges, tidyBoot } from './timer.ts';

export type Confirmed = { readonly kind: 'confirmed' } | { readonly kind: 'refused'; readonly trouble: Trouble };

/** Keeps what was set up, if whoever asks has logged in since. */
export function confirm(host: SetupHost): Confirmed {
  try {
    return confirmFound(host);
  } catch (error) {
    if (!(error instanceof NotPlaced)) throw error;
    return refuse(error.message);
  }
}

function confirmFound(host: SetupHost): Confirmed {
  const { directory } = host.paths;
  const found = findJournal(directory);
  switch (found.kind) {
    case 'none':
      return refuse('nothing waits for a confirmation: it was confirmed already, or undone');
    case 'unreadable':
      return refuse(found.why);
    case 'reverting':
      return refuse('it is being undone', 'trasa-agent setup --status');
    case 'waiting':
      break;
  }
  if (found.journal.reloaded === undefined)
    return refuse('setup was interrupted before it was done', 'undo it with: trasa-agent setup --revert');
  const why = whyNoNewLogin(found.journal.reloaded);
  if (why !== undefined) return refuse(why);
  if (!claimForKeeping(directory)) return refuse('it was undone at this moment');
  // The timer finds no journal and ends; so would these at the next boot.
  for (const { path } of bootChanges(host)) placeFile(path, undefined);
  tidyBoot(host);
  return { kind: 'confirmed' };
}

function refuse(text: string, hint?: string): Confirmed {
  return { kind: 'refused', trouble: trouble(text, hint) };
}
