/** What the embedded server answers to its access proxies. */
import { Secret } from '../otp/secret.ts';
import { cleanText } from '../protocol/clean.ts';
import type { Delivery } from './delivery.ts';
import { own } from './envelope.ts';

/** Thousands of services and people. */
export const maxCatalogueBytes = 16 * 1024 * 1024;

export type CatalogueReply =
  /** For parseCatalogue(). */
  | { readonly kind: 'new'; readonly revision: string; readonly catalogue: unknown }
  | { readonly kind: 'unchanged' }
  /** `detail` is for the log. */
  | { readonly kind: 'none'; readonly detail: string };

export function catalogueReply(delivery: Delivery): CatalogueReply {
  const extra = extraOf(delivery);
  if (typeof extra === 'string') return { kind: 'none', detail: extra };
  const revision = own(extra, 'revision');
  const catalogue = own(extra, 'catalogue');
  if (typeof revision !== 'string') return { kind: 'none', detail: 'an answer without a catalogue' };
  return catalogue === undefined ? { kind: 'unchanged' } : { kind: 'new', revision, catalogue };
}

export type VaultReply =
  | { readonly kind: 'key' | 'password'; readonly secret: Secret }
  | { readonly kind: 'none' }
  /** `detail` is for the log. */
  | { readonly kind: 'unavailable'; readonly detail: string };

export function vaultReply(delivery: Delivery, attempt: string): VaultReply {
  const extra = extraOf(delivery);
  if (typeof extra === 'string') return { kind: 'unavailable', detail: extra };
  const [kind, secret] = [own(extra, 'kind'), own(extra, 'secret')];
  if (own(extra, 'attempt') !== attempt) return { kind: 'unavailable', detail: 'an answer for another login' };
  if (kind === 'none') return { kind };
  if ((kind === 'key' || kind === 'password') && typeof secret === 'string')
    return { kind, secret: new Secret(secret) };
  return { kind: 'unavailable', detail: 'an answer that is not understood' };
}

/** A string says why there is none. */
function extraOf(delivery: Delivery): Readonly<Record<string, unknown>> | string {
  if (delivery.kind === 'unavailable') return `${delivery.cause}: ${delivery.detail}`;
  const { status, reason, extra } = delivery.envelope;
  return status === 'success' ? extra : `the server refuses: ${cleanText(reason, 120)}`;
}
