/**
 * Signatures of security keys (PROTOCOL.u2f of OpenSSH): the device signs not the data but a digest of it, and with it
 * what it is for, whether a person touched it, and whether it knows who that was.
 *
 * Subset: those that ssh makes by a device; not those of browsers (webauthn-…).
 */
import type { SshCrypto } from './crypto.ts';
import type { PublicKey } from './public-key.ts';
import { plainSignature } from './signature.ts';
import { byte, uint32, WireReader } from './wire.ts';

export type SecurityKey = Extract<PublicKey, { readonly application: string }>;

/** What the person has to have done. */
export interface Presence {
  /** Touched the device. */
  readonly touch: boolean;
  /** Told it who they are: by PIN or fingerprint. */
  readonly verified: boolean;
}

export function isSecurityKey(key: PublicKey): key is SecurityKey {
  return key.type.startsWith('sk-');
}

/** Is it `key`'s, over `data`, and was the person there as is demanded? */
export function verifyBySecurityKey(
  key: SecurityKey,
  data: Buffer,
  signature: Buffer,
  demanded: Presence,
  crypto: SshCrypto,
): boolean {
  const reader = new WireReader(signature);
  const algorithm = reader.string().toString('latin1');
  const bytes = reader.string();
  const flags = reader.byte();
  const counter = reader.uint32();
  if (!reader.isWhole || algorithm !== key.type) return false;
  if (demanded.touch && (flags & touched) === 0) return false;
  if (demanded.verified && (flags & verified) === 0) return false;
  const plain = plainSignature(key, bytes);
  if (plain === undefined) return false;
  const application = crypto.hash('sha256', Buffer.from(key.application));
  const signed = Buffer.concat([application, byte(flags), uint32(counter), crypto.hash('sha256', data)]);
  return crypto.verify(key, key.type === 'sk-ssh-ed25519@openssh.com' ? undefined : 'sha256', signed, plain);
}

/** Bits of the flags (SSH_SK_USER_PRESENCE_REQD, SSH_SK_USER_VERIFICATION_REQD). */
const touched = 0x01;
const verified = 0x04;
