/** Recordings and all that proves them, as one archive that somebody else can check without this program. */
import { closeSync, existsSync, fstatSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { publicKeyLine } from '../../ssh/key-line.ts';
import type { PublicKey } from '../../ssh/public-key.ts';
import { sealNamespace, sealOf } from './seal.ts';
import { openRecording } from './shelf.ts';
import { tarEnd, tarHeader, tarPadding } from './tar.ts';

export interface ExportParts {
  readonly directory: string;
  readonly keys: readonly PublicKey[];
  readonly journal: Iterable<string>;
  readonly now: number;
  /** Settles when there is room for more. */
  readonly write: (bytes: Buffer) => Promise<void>;
}

const folder = 'trasa-recordings';
/** As whom the signatures are made, in the words of ssh-keygen -Y. */
const principal = 'trasa-agent-proxy';

/** Throws if a file cannot be read. */
export async function exportRecordings(files: readonly string[], parts: ExportParts): Promise<void> {
  for (const file of files)
    for (const name of [file, ...Object.values(sealOf(file))])
      if (existsSync(join(parts.directory, name))) await copyFile(name, parts);
  const texts = {
    'journal.jsonl': [...parts.journal].map(line => `${line}\n`).join(''),
    allowed_signers: allowedSigners(parts.keys),
    README: instructions,
  };
  for (const [name, text] of Object.entries(texts)) {
    const bytes = Buffer.from(text);
    const header = tarHeader({ name: `${folder}/${name}`, bytes: bytes.length, modifiedAt: parts.now });
    await parts.write(Buffer.concat([header, bytes, tarPadding(bytes.length)]));
  }
  await parts.write(tarEnd);
}

/** As ssh-keygen(1) reads it. */
export function allowedSigners(keys: readonly PublicKey[]): string {
  return keys.map(key => `${principal} namespaces="${sealNamespace}" ${publicKeyLine(key)}\n`).join('');
}

/** One that still grows is taken as long as it is now. */
async function copyFile(name: string, { directory, write }: ExportParts): Promise<void> {
  const fd = openRecording(directory, name);
  try {
    const { size, mtimeMs } = fstatSync(fd);
    await write(tarHeader({ name: `${folder}/${name}`, bytes: size, modifiedAt: mtimeMs }));
    for (let at = 0; at < size; ) {
      const buffer = Buffer.alloc(Math.min(1024 * 1024, size - at));
      const count = readSync(fd, buffer, 0, buffer.length, at);
      if (count === 0) throw new Error(`${name} became shorter while it was read`);
      at += count;
      await write(buffer.subarray(0, count));
    }
    await write(tarPadding(size));
  } finally {
    closeSync(fd);
  }
}

const instructions = `Recordings of sessions through trasa-agent proxy.

NAME.cast           what a terminal showed: asciicast v2, which asciinema plays
NAME.events.jsonl   what ran without a terminal: one JSON object per line
….seal              a statement about the recording: its length, SHA-256, who and when
….seal.sig          a signature over the statement
journal.jsonl       what the proxy noted of all its recordings; each line has the SHA-256 of the one before
allowed_signers     the key that signs. Compare it with what the proxy's administrator gave you

To check the recording F, with OpenSSH 8.1 or later:

    ssh-keygen -Y verify -f allowed_signers -I ${principal} -n ${sealNamespace} -s F.seal.sig <F.seal
    sha256sum F         # must be "sha256" in F.seal

With trasa-agent, all of them, and that the journal has no gap:

    trasa-agent proxy recordings verify --directory . --key allowed_signers
`;
