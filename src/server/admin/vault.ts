import { keyObjectOfPrivate } from '../../ca/host-key.ts';
import { Secret } from '../../otp/secret.ts';
import { parsePrivateKey } from '../../ssh/private-key-read.ts';
import type { ServerState } from '../state/open-state.ts';
import { normalAccount } from '../store/access.ts';
import type { VaultEntry, VaultKind } from '../store/vault.ts';
import { findAccount } from './access.ts';
import { done, failure, type Result } from './result.ts';
import { findService } from './services.ts';

/** @param secret a private key as ssh-keygen makes it, without a passphrase; or a password */
export function setVault(
  state: ServerState,
  serviceName: string,
  name: string,
  { kind, secret }: { readonly kind: VaultKind; readonly secret: Secret },
  now: number,
): Result<VaultEntry> {
  const service = findService(state, serviceName);
  if (service.kind === 'failed') return service;
  const account = findAccount(name);
  if (account.kind === 'failed') return account;
  const text = kind === 'key' ? `${secret.expose().trim()}\n` : secret.expose();
  const wrong = kind === 'key' ? whyNoKey(text) : whyNoPassword(text);
  if (wrong !== undefined) return failure(wrong);
  const entry = { service: service.value.id, account: account.value, kind, createdAt: now };
  state.vault.set(entry, new Secret(text));
  return done(entry);
}

export function removeVault(state: ServerState, serviceName: string, account: string): Result<void> {
  const service = findService(state, serviceName);
  if (service.kind === 'failed') return service;
  const isGone = state.vault.remove(service.value.id, normalAccount(account));
  return isGone ? done(undefined) : failure(`nothing is kept for ${account} of ${serviceName}`);
}

/** One line per entry: service, account, kind, since when. Never what is kept. */
export function listVault({ vault, services }: ServerState): string[] {
  return vault
    .all()
    .map(({ service, account, kind, createdAt }) =>
      [services.byId(service)?.name ?? service, account, kind, new Date(createdAt).toISOString().slice(0, 10)].join(
        '\t',
      ),
    )
    .toSorted();
}

/** The text is never quoted. */
function whyNoKey(text: string): string | undefined {
  const key = parsePrivateKey(text);
  if (key.kind === 'malformed') return `the key ${key.text}`;
  return keyObjectOfPrivate(key.value) === undefined ? 'the key is damaged' : undefined;
}

function whyNoPassword(text: string): string | undefined {
  return /^[^\p{Cc}]{1,1024}$/u.test(text) ? undefined : 'a password is one line of 1 to 1024 characters';
}
