import { sign } from 'node:crypto';
import type { Authority, Issuer, Means } from '../ca/authority.ts';
import { openAuthority, openIssuer } from '../ca/authority.ts';
import { readPassphrase } from '../ca/passphrase.ts';
import { type CaResult, done, notInOrder } from '../ca/result.ts';
import { krlOf } from '../ca/revocation.ts';
import { closeTokens } from '../ca/token.ts';
import { issueUserCertificate } from '../ca/user-certificate.ts';
import type { ProxySettings } from '../config/config.ts';
import type { Secret } from '../otp/secret.ts';
import type { Krl } from '../ssh/krl.ts';
import { secondFactorExtension } from '../ssh/proxied-login.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { encodeSignature } from '../ssh/signature.ts';
import type { Passage } from './downstream/login.ts';
import { certAlgorithm } from './engine/algorithms.ts';
import { permissionsFor } from './relay/allowed.ts';
import type { Credential } from './upstream/upstream-auth.ts';

/** What the login is for: a session of the person, or the way to the next host. */
export type Purpose = 'session' | 'way';

/** The SSH User CA, unlocked, as the proxy uses it. */
export interface Certifier {
  readonly userCA: PublicKey;
  /** A fresh key, good for this account, from these addresses, for minutes. A string says why there is none. */
  issue(passage: Passage, from: string, purpose: Purpose): Promise<Credential | string>;
  /** What is revoked, as of the last few seconds. */
  revoked(): readonly Krl[];
  close(): Promise<void>;
}

/** What is wrong, and is not to be tried again without an administrator: a token counts wrong PINs. */
export interface Final {
  readonly final: string;
}

/** Serials that are taken from the disk at once: a login need not wait for it. */
const serialsAtOnce = 64;
const krlMs = 5_000;

/** A string says what is wrong. */
export async function openCertifier(settings: ProxySettings, now: () => number): Promise<Certifier | Final | string> {
  const authority = openAuthority(settings.caDirectory, serialsAtOnce);
  if (authority.kind !== 'done') return authority.text;
  const issuer = await openIssuer(authority.value, 'user', meansOf(settings));
  if (issuer.kind === 'done') return new OpenCertifier(authority.value, issuer.value, settings, now);
  authority.value.close();
  return issuer.kind === 'refused' ? { final: issuer.text } : issuer.text;
}

/** What opens the User CA, from where the configuration says. */
export function meansOf({ caPassphraseFile, caAgent }: ProxySettings): Means {
  const secret = async (): Promise<CaResult<Secret>> =>
    await Promise.resolve(
      caPassphraseFile === ''
        ? notInOrder('proxy.caPassphraseFile is not set: the proxy cannot unlock the User CA')
        : readPassphrase(caPassphraseFile),
    );
  const socket = (): CaResult<string> =>
    caAgent === ''
      ? notInOrder("proxy.caAgent is not set, and the User CA's key is kept by an ssh-agent")
      : done(caAgent);
  return { passphrase: secret, pin: secret, socket };
}

class OpenCertifier implements Certifier {
  readonly #authority: Authority;
  readonly #issuer: Issuer;
  readonly #settings: ProxySettings;
  readonly #now: () => number;
  #krl: { readonly krl: Krl; readonly at: number } | undefined;

  constructor(authority: Authority, issuer: Issuer, settings: ProxySettings, now: () => number) {
    this.#authority = authority;
    this.#issuer = issuer;
    this.#settings = settings;
    this.#now = now;
  }

  get userCA(): PublicKey {
    return this.#issuer.signer.publicKey;
  }

  async issue(passage: Passage, from: string, purpose: Purpose): Promise<Credential | string> {
    const { id, person, account, service, grant, secondFactor } = passage;
    const terms = {
      principals: [account],
      forSeconds: this.#settings.certificateSeconds,
      sourceAddress: from,
      extensions: [
        ...(purpose === 'session' ? ['permit-pty', ...permissionsFor(grant)] : ['permit-port-forwarding']),
        ...(secondFactor === undefined ? [] : [`${secondFactorExtension}=${secondFactor}`]),
      ],
    };
    const connection = { person, host: service.name, attempt: id };
    const issued = await issueUserCertificate(this.#issuer, connection, terms, this.#now());
    if (issued.kind !== 'done') return issued.text;
    const { privateKey, publicKey, certificate } = issued.value;
    return {
      blob: certificate,
      algorithm: certAlgorithm(publicKey.type),
      sign: async data => await Promise.resolve(encodeSignature('ssh-ed25519', sign(null, data, privateKey))),
    };
  }

  revoked(): readonly Krl[] {
    const now = this.#now();
    if (this.#krl === undefined || Math.abs(now - this.#krl.at) > krlMs)
      this.#krl = { krl: krlOf(this.#authority, now), at: now };
    return [this.#krl.krl];
  }

  async close(): Promise<void> {
    this.#authority.close();
    await closeTokens();
  }
}
