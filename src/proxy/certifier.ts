import { sign } from 'node:crypto';
import { type Authority, type Issuer, type Means, openAuthority, openIssuer } from '../ca/authority.ts';
import { fingerprintOf } from '../ca/issue.ts';
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
import type { ProxyLog } from './log.ts';
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
/** What the disk says of the CAs is believed for so long. */
const freshMs = 5_000;

/** A string says what is wrong. */
export async function openCertifier(
  settings: ProxySettings,
  now: () => number,
  log: Pick<ProxyLog, 'info' | 'error'>,
): Promise<Certifier | Final | string> {
  const authority = openAuthority(settings.caDirectory, serialsAtOnce);
  if (authority.kind !== 'done') return authority.text;
  const issuer = await openIssuer(authority.value, 'user', meansOf(settings));
  if (issuer.kind === 'done') return new OpenCertifier(authority.value, issuer.value, settings, now, log);
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

/** CAs may be rotated beside it (trasa-agent ca rotate): it signs by the one that signs now, and knows what that revoked. */
class OpenCertifier implements Certifier {
  /** The last one is that of now; by those before somebody may be signing. */
  readonly #authorities: [Authority, ...Authority[]];
  readonly #settings: ProxySettings;
  readonly #now: () => number;
  readonly #log: Pick<ProxyLog, 'info' | 'error'>;
  #issuer: Issuer;
  #seen: { readonly krl: Krl; readonly at: number } | undefined;
  #changing: Promise<void> = Promise.resolve();
  #trouble: string | undefined;

  constructor(
    authority: Authority,
    issuer: Issuer,
    settings: ProxySettings,
    now: () => number,
    log: Pick<ProxyLog, 'info' | 'error'>,
  ) {
    this.#authorities = [authority];
    this.#issuer = issuer;
    this.#settings = settings;
    this.#now = now;
    this.#log = log;
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
    this.#look();
    await this.#changing;
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
    return [this.#look()];
  }

  async close(): Promise<void> {
    await this.#changing;
    for (const authority of this.#authorities) authority.close();
    await closeTokens();
  }

  get #authority(): Authority {
    return this.#authorities.at(-1) ?? this.#authorities[0];
  }

  /** @returns what is revoked */
  #look(): Krl {
    const now = this.#now();
    if (this.#seen !== undefined && Math.abs(now - this.#seen.at) <= freshMs) return this.#seen.krl;
    const fresh = openAuthority(this.#settings.caDirectory, serialsAtOnce);
    if (fresh.kind !== 'done') this.#goesOn(fresh.text);
    else if (keysOf(fresh.value) === keysOf(this.#authority)) fresh.value.close();
    else this.#take(fresh.value);
    this.#seen = { krl: krlOf(this.#authority, now), at: now };
    return this.#seen.krl;
  }

  #take(authority: Authority): void {
    this.#authorities.push(authority);
    const signs = authority.keys.user;
    if (signs === undefined || fingerprintOf(signs.publicKey) === fingerprintOf(this.userCA)) return;
    const ca = fingerprintOf(signs.publicKey);
    // Each worker would try the PIN, and a few wrong ones lock a token for good.
    if (signs.keeper.kind === 'token') return this.#goesOn(`${ca} is on a token: reload the proxy`);
    this.#changing = this.#changing.then(async () => {
      const issuer = await openIssuer(authority, 'user', meansOf(this.#settings));
      if (issuer.kind !== 'done') return this.#goesOn(`${ca} does not open: ${issuer.text}`);
      this.#issuer = issuer.value;
      this.#log.info('another User CA signs', { ca });
    });
  }

  /** Said once. */
  #goesOn(why: string): void {
    if (why !== this.#trouble) this.#log.error(`the CA goes on as it was: ${why}`);
    this.#trouble = why;
  }
}

/** Those that sign, and those that will. */
function keysOf({ keys, nextKeys }: Authority): string {
  return [keys.user, keys.host, nextKeys.user, nextKeys.host]
    .map(key => (key === undefined ? '' : fingerprintOf(key.publicKey)))
    .join(' ');
}
