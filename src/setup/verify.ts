/** Will sshd and PAM really do it? What they say themselves is compared with what was meant, setting by setting. */
import { loadService } from '../system/pam-files.ts';
import type { PamPhase } from '../system/pam-stack.ts';
import { type Way, wayAround, wayThrough } from '../system/pam-walk.ts';
import { matchLines } from '../system/sshd-match.ts';
import { type Connection, effectiveSettings, validateSshd } from '../system/sshd-settings.ts';
import type { Account } from './accounts.ts';
import { type SetupHost, type SetupPaths, type Trouble, trouble } from './host.ts';
import { connectionOf } from './services.ts';
import { competingLines, settingLines } from './setting-lines.ts';
import { type DropIn, expectedFor } from './sshd-lines.ts';

export interface Verified {
  /** What sshd would do otherwise. */
  readonly troubles: readonly Trouble[];
  /** What it would do otherwise from elsewhere only, which somebody has written for a reason. */
  readonly notes: readonly string[];
}

/** Asks sshd about each of these accounts, from this host, and from wherever a Match line makes a difference. */
export async function verifySshd(host: SetupHost, dropIn: DropIn, accounts: readonly Account[]): Promise<Verified> {
  const valid = await validateSshd(host.sshd);
  if (valid.kind === 'failed') {
    const hint = whatSaysOtherwise(host, dropIn);
    return { troubles: [trouble(`sshd would not start with this configuration: ${valid.why}`, hint)], notes: [] };
  }
  const troubles = await mismatches(host, dropIn, accounts, connectionOf);
  const notes: string[] = [];
  for (const { place, host: name, ...rest } of matchLines(host.paths.sshdConfig).samples) {
    const found = await mismatches(host, dropIn, accounts, user => ({
      ...connectionOf(user),
      ...rest,
      ...(name === undefined ? {} : { host: name }),
    }));
    for (const { text } of found)
      if (!troubles.some(known => known.text === text)) notes.push(`Where ${place} matches, ${text}`);
  }
  return { troubles, notes };
}

async function mismatches(
  { sshd, paths }: SetupHost,
  dropIn: DropIn,
  accounts: readonly Account[],
  connection: (user: string) => Connection,
): Promise<Trouble[]> {
  const found = new Map<string, { readonly text: string; readonly users: string[] }>();
  for (const { name: user, groups } of accounts) {
    const settings = await effectiveSettings(sshd, connection(user));
    if (settings.kind === 'failed') return [trouble(`sshd does not say what holds for ${user}: ${settings.why}`)];
    for (const [name, wanted] of expectedFor(dropIn, user, groups)) {
      const value = settings.answer.all(name).join(' ');
      if (value === wanted) continue;
      const key = `${name} ${value}`;
      const known = found.get(key);
      if (known !== undefined) known.users.push(user);
      else found.set(key, { text: mismatch(paths, name, wanted, value), users: [user] });
    }
  }
  return Array.from(found.values(), ({ text, users }) => trouble(`for ${some(users)} ${text}`, winning));
}

const winning = 'take that line out, or let our file come before it';

function mismatch({ sshdConfig, dropIn }: SetupPaths, name: string, wanted: string, value: string): string {
  const lines = competingLines(sshdConfig, dropIn, name, value);
  const where = lines.map(({ file, line, match }) => `${file}:${line}${match === '' ? '' : ` (Match ${match})`}`);
  const has = `sshd has ${name} ${value === '' ? 'not at all' : value}, not ${wanted}`;
  return where.length === 0 ? has : `${has}; see ${where.join(', ')}`;
}

function whatSaysOtherwise({ paths }: SetupHost, { everywhere, blocks }: DropIn): string | undefined {
  const ours = [...everywhere, ...blocks.flatMap(block => block.lines)];
  const names = new Set(ours.map(({ name }) => name.toLowerCase()));
  const others = settingLines(paths.sshdConfig).filter(({ file, name }) => file !== paths.dropIn && names.has(name));
  const lines = others.map(({ file, line, name, value }) => `${file}:${line} has ${name} ${value}`);
  return lines.length === 0 ? undefined : `look at these: ${lines.join(', ')}`;
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
