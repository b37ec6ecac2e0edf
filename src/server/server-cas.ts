import { hkdfSync } from 'node:crypto';
import { join } from 'node:path';
import { type Authority, type Issuer, initCa, type Means, openAuthority, openIssuer } from '../ca/authority.ts';
import { type HostReport, type ReportAnswer, takeReport } from '../ca/host-report.ts';
import { fingerprintOf } from '../ca/issue.ts';
import { madeAt } from '../ca/key-file.ts';
import { readPassphrase } from '../ca/passphrase.ts';
import { type CaResult, done, notInOrder } from '../ca/result.ts';
import { krlOf } from '../ca/revocation.ts';
import { trustedKeys } from '../ca/rotation.ts';
import { Secret } from '../otp/secret.ts';
import type { CertType } from '../ssh/certificate.ts';
import { encodeKrl } from '../ssh/krl-write.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import type { ScryptCost } from '../store/scrypt.ts';

/**
 * TRASA's three: the User CA lets people into hosts, the Host CA vouches for hosts, the System CA vouches for people to
 * the access proxy, and to no host.
 */
export type CaName = 'user' | 'host' | 'system';

export const caNames: readonly CaName[] = ['user', 'host', 'system'];

export interface CaFacts {
  readonly name: CaName;
  /** `SHA256:…` */
  readonly fingerprint: string;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
}

/**
 * The server's SSH CAs, in directories of their own below its state. They are opened for each use, so that what
 * `trasa-agent ca` does beside the running server (rotate, revoke) holds at once.
 */
export class ServerCas {
  readonly #state: string;
  readonly #passphrase: Secret;
  readonly #keepers: CaKeepers;

  /** @param passphrase of all of them that the server keeps itself; see {@link caPassphrase} */
  constructor(state: string, passphrase: Secret, keepers: CaKeepers = {}) {
    this.#state = state;
    this.#passphrase = passphrase;
    this.#keepers = keepers;
  }

  /** Makes a CA; one that is there stays. */
  async init(name: CaName): Promise<CaResult<PublicKey>> {
    return await initCa(this.#directoryOf(name), typeOf(name), 'ed25519', this.#passphrase, noStretching);
  }

  /** Those to be trusted: more than one during and after a rotation. */
  publicKeys(name: CaName, now: number): CaResult<readonly PublicKey[]> {
    return this.#opened(name, authority => trustedKeys(authority, typeOf(name), now));
  }

  /** Of a CA that cannot be read nothing is said; undefined if there is none. */
  facts(name: CaName): CaFacts | undefined {
    const facts = this.#opened(name, ({ keys }) => {
      const key = keys[typeOf(name)];
      return done(key && { name, fingerprint: fingerprintOf(key.publicKey), madeAt: madeAt(key) });
    });
    return facts.kind === 'done' ? facts.value : undefined;
  }

  /**
   * The list of all that a CA has revoked, in OpenSSH's form: to the byte the same until something else is revoked, or a
   * CA is made. The User CA and the Host CA share theirs.
   */
  krl(name: CaName): CaResult<Buffer> {
    return this.#opened(name, authority => done(encodeKrl(krlOf(authority, authority.issues.lastRevokedAt() ?? 0))));
  }

  /** What a host says of itself; answered by the User CA, if there is one that can sign. */
  async takeReport(report: HostReport, now: number): Promise<CaResult<ReportAnswer>> {
    const answered = await this.issue(
      'user',
      async (issuer, authority) => await takeReport(authority, issuer, report, now),
    );
    if (answered.kind !== 'config') return answered; // there is none, or its keeper is not there
    const opened = openAuthority(this.#directoryOf('host'));
    if (opened.kind !== 'done') return opened;
    try {
      return await takeReport(opened.value, undefined, report, now);
    } finally {
      opened.value.close();
    }
  }

  /** Lets `work` sign with a CA. */
  async issue<T>(
    name: CaName,
    work: (issuer: Issuer, authority: Authority) => Promise<CaResult<T>>,
  ): Promise<CaResult<T>> {
    const opened = openAuthority(this.#directoryOf(name));
    if (opened.kind !== 'done') return opened;
    try {
      const issuer = await openIssuer(opened.value, typeOf(name), this.#means());
      return issuer.kind === 'done' ? await work(issuer.value, opened.value) : issuer;
    } finally {
      opened.value.close();
    }
  }

  #opened<T>(name: CaName, work: (authority: Authority) => CaResult<T>): CaResult<T> {
    const opened = openAuthority(this.#directoryOf(name));
    if (opened.kind !== 'done') return opened;
    try {
      return work(opened.value);
    } finally {
      opened.value.close();
    }
  }

  #means(): Means {
    const { pinFile, agent } = this.#keepers;
    const pin = (): CaResult<Secret> =>
      pinFile === undefined
        ? notInOrder('the key is on a token, and no --ca-pin-file was named')
        : readPassphrase(pinFile);
    const socket = (): CaResult<string> =>
      agent === undefined ? notInOrder('the key is kept by an ssh-agent, and no --ca-agent was named') : done(agent);
    return {
      passphrase: async () => await Promise.resolve(done(this.#passphrase)),
      pin: async () => await Promise.resolve(pin()),
      socket,
    };
  }

  #directoryOf(name: CaName): string {
    return join(this.#state, name === 'system' ? 'system-ca' : 'ca');
  }
}

/** How those CAs are reached whose keys `trasa-agent ca` has put elsewhere. */
export interface CaKeepers {
  /** Its first line is the PIN of the token. */
  readonly pinFile?: string | undefined;
  /** Socket of the ssh-agent. */
  readonly agent?: string | undefined;
}

/** Of the CAs of a server with this master key, which therefore has to be kept as well as they. */
export function caPassphrase(masterKey: Buffer): Secret {
  const bytes = hkdfSync('sha256', masterKey, '', 'trasa-agent server: passphrase of the SSH CAs', 32); // RFC 5869
  return new Secret(Buffer.from(bytes).toString('base64'));
}

/** 256 bits need none, and logins wait meanwhile. */
const noStretching: ScryptCost = { N: 2 ** 10, r: 8, p: 1 };

function typeOf(name: CaName): CertType {
  return name === 'host' ? 'host' : 'user';
}
