import type { SetupPaths } from './host.ts';
import type { Standing } from './plan-config.ts';
import { settingLines } from './setting-lines.ts';
import type { DropIn } from './sshd-lines.ts';
import { isEverybody, type Wishes } from './wishes.ts';

/** What the administrator should know before going on: whom it might keep out, and what it does not do. */
export function notesOn(
  { door, firstFactor }: Wishes,
  { scope, observe, tellsPerson }: Standing,
  permitRootLogin: string,
): string[] {
  const notes: string[] = [];
  const note = (text: string, holds: boolean): void => {
    if (holds) notes.push(text);
  };
  const asksAll = isEverybody(scope);
  const isByKey = door !== 'force-command' && firstFactor === 'key';
  note('Nobody is asked for a second factor yet: the daemon only logs what would happen.', observe);
  note(
    'A forced command is the weaker door: start-up files of the shell run before it. See trasa-agent(8).',
    door === 'force-command',
  );
  note('Clients that cannot be asked (BatchMode, sftp -b, Ansible) will not get in with a key alone.', isByKey);
  note('Whoever is not meant logs in with a key only: passwords are not taken any more.', isByKey && !asksAll);
  note(
    `Root cannot log in by ssh any more (PermitRootLogin ${permitRootLogin} allows no question).`,
    door === 'pam-exec' && firstFactor !== 'any' && permitRootLogin !== 'yes',
  );
  note(
    'pam_exec asks "Password: " even so; whatever is typed there is not used.',
    isByKey && door === 'pam-exec' && observe,
  );
  const isRootMeant = asksAll || scope.users.includes('root');
  note(
    'Nothing tells whose second factor root needs: say --person root=TRASA-ID, or root cannot log in without a question.',
    isRootMeant && permitRootLogin !== 'no' && !tellsPerson('root'),
  );
  return notes;
}

/** Lines of others that say something else, and will not hold any more (for those who are meant). */
export function overridden({ sshdConfig, dropIn: file }: SetupPaths, { everywhere, blocks }: DropIn): string[] {
  const ours = [...everywhere, ...blocks.flatMap(block => block.lines)];
  return settingLines(sshdConfig)
    .filter(line => line.file !== file && line.match === '')
    .filter(({ name, value }) => ours.some(one => one.name.toLowerCase() === name && !isSame(one.value, value)))
    .map(({ file: where, line, name, value }) => `This will not hold any more: ${where}:${line} ${name} ${value}`);
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
