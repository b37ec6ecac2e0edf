/** Which CAs this host trusts: whom its sshd lets in, and which hosts its ssh believes. */
import { readBytes } from '../../ca/files.ts';
import { fingerprintOf } from '../../ca/issue.ts';
import { type CaResult, done, refused } from '../../ca/result.ts';
import { parsePublicKeyLine } from '../../ssh/key-line.ts';
import type { PublicKey } from '../../ssh/public-key.ts';
import { effectiveSettings, type SshdProgram } from '../../system/sshd-settings.ts';

/** Their fingerprints. What is in a file that nobody can read is not trusted by sshd either. */
export async function trustedCas(
  sshd: SshdProgram,
  knownHosts = '/etc/ssh/ssh_known_hosts',
): Promise<CaResult<string[]>> {
  const anybody = { user: 'root', host: 'localhost', address: '127.0.0.1', localAddress: '127.0.0.1', localPort: 22 };
  const asked = await effectiveSettings(sshd, anybody);
  if (asked.kind === 'failed') return refused(`sshd does not say which CAs it trusts: ${asked.why}`);
  const file = asked.answer.first('trustedusercakeys');
  const ofUsers = file === undefined || file === 'none' ? [] : keysIn(contentOf(file));
  const ofHosts = contentOf(knownHosts)
    .split('\n')
    .flatMap(line => keysIn(/^@cert-authority\s+\S+\s+(.*)$/.exec(line)?.[1] ?? ''));
  return done([...new Set([...ofUsers, ...ofHosts].map(fingerprintOf))]);
}

const maxBytes = 1024 * 1024;

function contentOf(file: string): string {
  const read = readBytes(file, maxBytes);
  return read.kind === 'done' ? (read.value?.toString('utf8') ?? '') : '';
}

/** sshd passes over a line that it cannot read. */
function keysIn(text: string): PublicKey[] {
  return text.split('\n').flatMap(line => {
    const key = parsePublicKeyLine(line);
    return key.kind === 'parsed' ? [key.value.key] : [];
  });
}
