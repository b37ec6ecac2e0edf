/** A CA in a directory of its own, for tests. */
import { join } from 'node:path';
import { type Authority, type Issuer, initCa, openAuthority, unlockCa } from '../../src/ca/authority.ts';
import type { CaResult } from '../../src/ca/result.ts';
import { Secret } from '../../src/otp/secret.ts';
import type { CertType } from '../../src/ssh/certificate.ts';
import { folder } from '../ssh/openssh.ts';

export const passphrase = new Secret('correct horse battery staple');

/** Cheap: the tests' passphrase is no secret. */
export const cost = { N: 2 ** 10, r: 8, p: 1 } as const;

export function newDirectory(): string {
  return join(folder(), 'ca');
}

export async function newAuthority(types: readonly CertType[] = ['user', 'host']): Promise<Authority> {
  const directory = newDirectory();
  for (const type of types) valueOf(await initCa(directory, type, 'ed25519', passphrase, cost));
  return valueOf(openAuthority(directory));
}

export async function issuerOf(authority: Authority, type: CertType): Promise<Issuer> {
  return valueOf(await unlockCa(authority, type, passphrase));
}

export function valueOf<T>(result: CaResult<T>): T {
  if (result.kind !== 'done') throw new Error(result.text);
  return result.value;
}
