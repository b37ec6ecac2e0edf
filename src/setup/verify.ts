/** Will sshd and PAM really do it? What they say themselves is compared with what was meant, setting by setting. */
import { loadService } from '../system/pam-files.ts';
import type { PamPhase } from '../system/pam-stack.ts';
import { type Way, wayAround, wayThrough } from '../system/pam-walk.ts';
import { effectiveSettings, validateSshd } from '../system/sshd-settings.ts';
import type { Account } from './accounts.ts';
import type { SetupHost, Trouble } from './host.ts';
import { trouble } from './host.ts';
import { connectionOf } from './services.ts';
import { competingLines, settingLines } from './setting-lines.ts';
import { type DropIn, expectedFor } from './sshd-lines.ts';

/** All that sshd would do otherwise, for these accounts. */
export async function verifySshd(
  { sshd, paths }: SetupHost,
  dropIn: DropIn,
  accounts: readonly Account[],
): Promise<Trouble[]> {
  const valid = await validateSshd(sshd);
  if (valid.kind === 'failed')
    return [trouble(`sshd would not start with this configuration: ${valid.why}`, whatSaysOtherwise())];
  const found = new Map<string, { readonly trouble: Trouble; readonly users: string[] }>();
  for (const { name: user, groups } of accounts) {
    const settings = await effectiveSettings(sshd, connectionOf(user));
    if (settings.kind === 'failed') return [trouble(`sshd does not say what holds for ${user}: ${settings.why}`)];
    for (const [name, wanted] of expectedFor(dropIn, user, groups)) {
      const value = settings.answer.all(name).join(' ');
      if (value === wanted) continue;
      const key = `${name} ${value}`;
      const known = found.get(key);
      if (known !== undefined) known.users.push(user);
      else found.set(key, { trouble: mismatch(name, wanted, value), users: [user] });
    }
  }
  return Array.from(found.values(), ({ trouble: { text, hint }, users }) =>
    trouble(`for ${some(users)} ${text}`, hint),
  );

  function whatSaysOtherwise(): string | undefined {
    const names = new Set(
      [dropIn.everywhere, ...dropIn.blocks.map(block => block.lines)].flat().map(({ name }) => name.toLowerCase()),
    );
    const others = settingLines(paths.sshdConfig).filter(({ file, name }) => file !== paths.dropIn && names.has(name));
    const lines = others.map(({ file, line, name, value }) => `${file}:${line} has ${name} ${value}`);
    return lines.length === 0 ? undefined : `look at these: ${lines.join(', ')}`;
  }

  function mismatch(name: string, wanted: string, value: string): Trouble {
    const lines = competingLines(paths.sshdConfig, paths.dropIn, name, value);
    const where = lines.map(({ file, line, match }) => `${file}:${line}${match === '' ? '' : ` (Match ${match})`}`);
    return trouble(
      `sshd has ${name} ${value === '' ? 'not at all' : value}, not ${wanted}${where.length === 0 ? '' : `; see ${where.join(', ')}`}`,
      'take that line out, or let our file come before it',
    );
  }
}

/** Is there no way past our lines, and one through them? */
export function verifyPam(phases: readonly PamPhase[]): Trouble[] {
  const service = loadService('sshd');
  if (service.kind === 'refused') return [trouble(`PAM would refuse everybody: ${service.why}`)];
  return phases.flatMap(phase => {
    const stack = service.stacks[phase];
    const around = wayAround(stack, phase);
    const through = wayThrough(stack, phase);
    return [
      ...(around.kind === 'none'
        ? []
        : [trouble(`there is a way past the second factor in PAM's ${phase} phase${stepsOf(around)}`)]),
      ...(through.kind === 'found' ? [] : [trouble(`nobody would get through PAM's ${phase} phase`)]),
    ];
  });
}

function stepsOf(way: Way): string {
  if (way.kind !== 'found') return '';
  const steps = way.steps.map(({ entry, returned }) => `${entry.place.file}:${entry.place.line} ${returned}`);
  return `: ${steps.join(', ')}`;
}

function some(users: readonly string[]): string {
  const few = users.slice(0, 3).join(', ');
  return users.length > 3 ? `${few} and ${users.length - 3} others` : few;
}
