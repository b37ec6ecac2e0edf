/** How one host proves itself on one connection, and what becomes of a key that nobody knows yet. */
import type { ProxyService } from '../../config/config.ts';
import { cleanText } from '../../protocol/clean.ts';
import type { Krl } from '../../ssh/krl.ts';
import { encodePublicKey, type PublicKey, parsePublicKey } from '../../ssh/public-key.ts';
import type { HostAddress, HostKeyStore } from '../../store/host-keys.ts';
import type { InfoRequests } from '../downstream/info-requests.ts';
import * as words from '../downstream/words.ts';
import { hostKeyAlgorithms, judgeHost, nameOf, type Trusted } from './trust.ts';

export interface HostProofPorts {
  readonly hostKeys: Pick<HostKeyStore, 'keysOf' | 'pinFirst' | 'hold'>;
  readonly revoked: () => readonly Krl[];
  readonly now: () => number;
  /** What an administrator should know of. */
  readonly warn: (text: string, facts: Readonly<Record<string, string | number>>) => void;
}

/** `why` is for the log. */
export interface Refusal {
  readonly says: string;
  readonly why: string;
}

export class HostProof {
  readonly #service: ProxyService;
  readonly #address: HostAddress;
  readonly #ports: HostProofPorts;
  readonly #trusted: Trusted;
  /** The first key that was shown, which is then the only one. */
  #shown: Buffer | undefined;
  #new: { readonly key: PublicKey; readonly hasCertificate: boolean } | undefined;
  #refusal: Refusal | undefined;

  /** Throws if the keys that are known cannot be read. */
  constructor(service: ProxyService, ports: HostProofPorts) {
    const { host, port, certifiedAs, hostCAs, hostKeys, firstUse } = service;
    this.#service = service;
    this.#address = { host, port };
    this.#ports = ports;
    const mayBeNew = firstUse !== 'refuse';
    const stored = mayBeNew ? ports.hostKeys.keysOf(this.#address).filter(key => key.state === 'pinned') : [];
    const pinned = stored.map(({ blob }) => parsePublicKey(blob));
    const known = pinned.flatMap(key => (key.kind === 'parsed' ? [key.value] : []));
    if (known.length < stored.length) throw new Error(`a key that is kept for ${host}:${port} cannot be read`);
    this.#trusted = { host, certifiedAs, hostCAs, hostKeys: mayBeNew ? known : hostKeys, mayBeNew };
  }

  get algorithms(): string[] {
    return hostKeyAlgorithms(this.#trusted);
  }

  /** Why the host was not trusted; undefined if it was, or has not shown a key. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /** May keys be exchanged with whoever shows this? One that is new is provisional: see {@link settle}. */
  isAcceptable(blob: Buffer): boolean {
    if (this.#shown !== undefined) return this.#refusal === undefined && blob.equals(this.#shown);
    this.#shown = Buffer.from(blob);
    const { revoked, now } = this.#ports;
    const verdict = judgeHost(blob, this.#trusted, revoked(), now());
    switch (verdict.kind) {
      case 'trusted':
        return true;
      case 'new':
        this.#new = verdict;
        return true;
      case 'changed':
        this.#changed(verdict.shown, verdict.known);
        return false;
      case 'distrusted':
        this.#refusal = refusal(words.hostNotVerified, cleanText(verdict.why, 200));
        return false;
    }
  }

  /**
   * When keys are exchanged, and so the host has proved to hold what it has shown: decides about a new one. Until then
   * the host has heard nothing of the person.
   *
   * @returns why this is as far as it goes
   */
  async settle(person: string, conversation: InfoRequests): Promise<Refusal | undefined> {
    if (this.#new === undefined) return undefined;
    return this.#service.firstUse === 'ask'
      ? await this.#ask(this.#new.key, this.#new.hasCertificate, person, conversation)
      : this.#hold(this.#new.key, person);
  }

  async #ask(
    key: PublicKey,
    hasCertificate: boolean,
    person: string,
    conversation: InfoRequests,
  ): Promise<Refusal | undefined> {
    const { host, port } = this.#address;
    void conversation.tell(words.hostKeyShown(`${host}:${port}`, nameOf(key)));
    const { instruction, questions } = hasCertificate ? words.unverifiedCertificate : words.unverifiedKey;
    const [answer] = (await conversation.ask(instruction, questions)) ?? [];
    if (answer?.expose().trim().toLowerCase() !== 'yes')
      return refusal(words.hostNotVerified, `nobody said yes to its key ${nameOf(key)}`);
    const { hostKeys, now, warn } = this.#ports;
    if (!hostKeys.pinFirst(this.#address, encodePublicKey(key), person, now()))
      return refusal(words.hostNotVerified, `another key than ${nameOf(key)} was taken while it was asked about`);
    warn('the key of a host was taken on first use', { ...this.#facts(), key: nameOf(key), person });
    return undefined;
  }

  #hold(key: PublicKey, person: string): Refusal {
    const { hostKeys, now, warn } = this.#ports;
    const isHeld = hostKeys.hold(this.#address, encodePublicKey(key), person, now());
    const what = isHeld ? 'waits for an administrator' : 'is not kept: too many of this host wait already';
    warn(`the new key of a host ${what}`, { ...this.#facts(), key: nameOf(key), person });
    const says = `${words.hostNotVerified}: its key is new, and an administrator has to accept it first.`;
    return refusal(says, `its key ${nameOf(key)} ${what}`);
  }

  #changed(shown: string, known: string): void {
    this.#ports.warn('THE KEY OF A HOST IS ANOTHER: somebody may be in between', { ...this.#facts(), shown, known });
    const says = `${words.hostNotVerified}: its key is ${shown}, but ${known} is known. Somebody may be in between: tell your administrator.`;
    this.#refusal = refusal(says, `its key is not the pinned one: it shows ${shown}, and ${known} is known`);
  }

  #facts(): { service: string; host: string; port: number } {
    return { service: this.#service.name, ...this.#address };
  }
}

function refusal(says: string, why: string): Refusal {
  return { says, why };
}
