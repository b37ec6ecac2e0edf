/** What is said to the administrator, in words. */

import { cleanText } from '../protocol/clean.ts';
import type { Trouble } from './host.ts';
import type { Found } from './journal.ts';
import type { Plan } from './plan.ts';
import { isEverybody } from './wishes.ts';

export function planText({ wishes, scope, changes, notes }: Plan): string {
  const { door, firstFactor, configuration, revertAfterMs } = wishes;
  const whom = isEverybody(scope)
    ? 'everybody'
    : [...scope.users.map(user => `user ${user}`), ...scope.groups.map(group => `group ${group}`)].join(', ');
  return [
    `Second factor for ${whom}, by ${door}${door === 'force-command' ? '' : `, after: ${firstFactor}`}.`,
    configuration === undefined ? 'The configuration stays as it is.' : `Server: ${configuration.urls.join(', ')}`,
    '',
    'These files change, and sshd and the daemon read them again:',
    ...changes.map(({ path, before }) => `  ${path}${before === undefined ? ' (new)' : ''}`),
    '',
    ...notes.map(noteText),
    `All of it is undone after ${minutes(revertAfterMs)} unless it is confirmed from a new login.`,
    '',
  ].join('\n');
}

export function noteText(note: string): string {
  return `Note: ${cleanText(note, 1000)}`;
}

export function appliedText(revertAfterMs: number): string {
  return `Done, but not for good: after ${minutes(revertAfterMs)} all of it is undone, unless you confirm it.

Keep this session open. Log in by ssh from another window, and run there, as root:

  trasa-agent setup --confirm

To undo it now: trasa-agent setup --revert
`;
}

/** @param now ms since 1970 */
export function statusText(found: Found, now: number): string {
  switch (found.kind) {
    case 'none':
      return 'Nothing waits for a confirmation.\n';
    case 'unreadable':
      return `${found.why}\n`;
    case 'reverting':
      return 'It is being undone, or that was interrupted; to finish it: trasa-agent setup --revert\n';
    case 'waiting': {
      const { revertAt, reloaded, changes } = found.journal;
      const left = Math.max(0, Math.round((revertAt - now) / 1000));
      const first =
        reloaded === undefined
          ? 'Setup is at work, or was interrupted.'
          : 'Waits for its confirmation, from a new login: trasa-agent setup --confirm';
      return [first, `In ${left} seconds these are as they were:`, ...changes.map(({ path }) => `  ${path}`), ''].join(
        '\n',
      );
    }
  }
}

export function troubleText({ text, hint }: Trouble): string {
  const lines = text.split('\n').map(line => cleanText(line, 1000));
  return `trasa-agent: ${lines.join('\n')}\n${hint === undefined ? '' : `  hint: ${cleanText(hint, 500)}\n`}`;
}

function minutes(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds % 60 === 0 ? `${seconds / 60} minute${seconds === 60 ? '' : 's'}` : `${seconds} seconds`;
}
