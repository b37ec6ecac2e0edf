/** Our lines in a client's ssh_known_hosts(5): a block for each list of patterns, between two comments. */
import { knownHostsLines } from '../ca/known-hosts.ts';
import { type CaResult, done, refused } from '../ca/result.ts';
import { type Image, NotPlaced, placeFile, readImage } from '../setup/place-file.ts';
import type { PublicKey } from '../ssh/public-key.ts';

export interface KnownHostsWish {
  readonly file: string;
  readonly patterns: readonly string[];
  /** See {@link knownHostsLines}. */
  readonly any: boolean;
  /** Empty: the block for these patterns goes. */
  readonly cas: readonly PublicKey[];
}

/** What else is in the file stays to the byte. @returns false: it was so before */
export function installKnownHosts({ file, patterns, any, cas }: KnownHostsWish): CaResult<boolean> {
  const lines = knownHostsLines(cas, patterns, any);
  if (lines.kind !== 'done') return lines;
  try {
    const before = readImage(file);
    // Not as UTF-8: what is not text comes back as it was.
    const text = before?.bytes.toString('latin1') ?? '';
    const changed = withBlock(text, patterns.join(','), lines.value);
    if (changed === undefined) return refused(`${file}: a block of ours has no end; mend it by hand`);
    if (changed === text) return done(false);
    placeFile(file, { ...(before ?? newFile()), bytes: Buffer.from(changed, 'latin1') });
    return done(true);
  } catch (error) {
    if (error instanceof NotPlaced) return refused(error.message);
    throw error;
  }
}

/**
 * In the place of the one that is there, else at the beginning: so a file whose last line has no end is no other case, and
 * taking the block out leaves what was there. Undefined: the block does not end.
 */
export function withBlock(text: string, patterns: string, lines: string): string | undefined {
  const [begin, end] = [
    `# Begin: trasa-agent ca known-hosts ${patterns}\n`,
    `# End: trasa-agent ca known-hosts ${patterns}\n`,
  ];
  const block = lines === '' ? '' : `${begin}${lines}${end}`;
  const from = `\n${text}`.indexOf(`\n${begin}`);
  if (from === -1) return block + text;
  const to = text.indexOf(`\n${end}`, from);
  return to === -1 ? undefined : text.slice(0, from) + block + text.slice(to + 1 + end.length);
}

/** Everybody's ssh reads it. */
function newFile(): Omit<Image, 'bytes'> {
  return { mode: 0o644, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}
