import { parsePublicKeyLine, publicKeyLine } from '../ssh/key-line.ts';
import { type Parsed, parsed } from '../ssh/parsed.ts';
import type { PublicKey } from '../ssh/public-key.ts';

/** As sshd's TrustedUserCAKeys and ssh_known_hosts(5) have the keys of a CA, a line each. */
export function exportedKeys(keys: readonly PublicKey[], name: string): string {
  return keys.map(key => `${publicKeyLine(key, `trasa-agent ${name} CA`)}\n`).join('');
}

export function parseExportedKeys(text: string): Parsed<readonly PublicKey[]> {
  const keys: PublicKey[] = [];
  for (const line of text.split('\n').filter(one => one.trim() !== '')) {
    const key = parsePublicKeyLine(line);
    if (key.kind === 'malformed') return key;
    keys.push(key.value.key);
  }
  return parsed(keys);
}
