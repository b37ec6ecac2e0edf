import { join } from 'node:path';
import type { HostKey } from '../engine/host-keys.ts';
import { openKey } from '../key-file.ts';

/** The proxy's host keys in its state directory, made where there are none. A string says what is wrong. */
export function openHostKeys(directory: string): readonly HostKey[] | string {
  const keys: HostKey[] = [];
  for (const kind of ['ed25519', 'ecdsa', 'rsa'] as const) {
    const key = openKey(join(directory, `ssh_host_${kind}_key`), kind, 'trasa-agent proxy');
    if (typeof key === 'string') return key;
    keys.push(key);
  }
  return keys;
}
