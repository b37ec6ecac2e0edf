/** Security keys without a device: OpenSSH's own ssh and ssh-keygen, with security-key.c in the place of libfido2. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from '../../ssh/openssh.ts';

export type SecurityKeyType = 'ed25519-sk' | 'ecdsa-sk';

export interface SecurityKeys {
  /** For ssh's SecurityKeyProvider, and ssh-keygen's SSH_SK_PROVIDER; it takes any PIN. */
  readonly provider: string;
  /** Makes a key by ssh-keygen. @param options of its -O: `no-touch-required`, `verify-required` @returns its path */
  make(name: string, type: SecurityKeyType, options?: readonly string[]): string;
}

/** A string says why there can be none. */
export function softwareSecurityKeys(): SecurityKeys | string {
  const here = folder();
  const provider = join(here, 'security-key.so');
  const source = join(import.meta.dirname, 'security-key.c');
  const built = spawnSync(process.env['CC'] ?? 'cc', ['-shared', '-fPIC', '-o', provider, source, '-lcrypto']);
  if (built.status !== 0) return `no C compiler, or no libcrypto to build for: ${String(built.stderr).slice(0, 300)}`;
  const askPin = join(here, 'pin.sh');
  writeFileSync(askPin, '#!/bin/sh\necho 1234\n', { mode: 0o700 });
  const ours = { SSH_SK_PROVIDER: provider, SSH_ASKPASS: askPin, SSH_ASKPASS_REQUIRE: 'force' };
  const make: SecurityKeys['make'] = (name, type, options = []) => {
    const path = join(here, name);
    const words = ['-q', '-t', type, '-N', '', '-f', path, ...options.flatMap(option => ['-O', option])];
    execFileSync('ssh-keygen', words, { env: { ...process.env, ...ours }, stdio: ['ignore', 'pipe', 'pipe'] });
    return path;
  };
  try {
    make('trial', 'ed25519-sk');
    return { provider, make };
  } catch (error) {
    return `this OpenSSH takes no provider like ours: ${String(error).slice(0, 300)}`;
  }
}
