import { keyObjectOfPrivate } from '../../ca/host-key.ts';
import { signerOf } from '../../ca/node-crypto.ts';
import type { Secret } from '../../otp/secret.ts';
import { parsePrivateKey } from '../../ssh/private-key-read.ts';
import type { Passage } from '../downstream/login.ts';
import type { Servers } from '../service.ts';
import type { VaultEntry } from '../upstream/vault.ts';

/** What the server's vault has for this login. A string says, for the log, why it cannot be had. */
export async function fromServerVault(
  { id, person, account, service }: Passage,
  clientAddress: string,
  vault: Servers['vault'],
  signal: AbortSignal,
): Promise<VaultEntry | string> {
  const { listed } = service;
  if (listed?.vault.includes(account) !== true) return {};
  const reply = await vault({ target: listed.id, account, person, clientAddress, attempt: id }, signal);
  switch (reply.kind) {
    case 'none':
      return {};
    case 'unavailable':
      return `the server's vault: ${reply.detail}`;
    case 'password':
      return { password: reply.secret };
    case 'key':
      return keyIn(reply.secret) ?? "the server's vault: its key is none";
  }
}

function keyIn(text: Secret): VaultEntry | undefined {
  const parsed = parsePrivateKey(text.expose());
  const key = parsed.kind === 'parsed' ? keyObjectOfPrivate(parsed.value) : undefined;
  const signer = key === undefined ? undefined : signerOf(key);
  return signer && { key: signer };
}
