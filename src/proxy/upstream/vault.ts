/** Keys and passwords of services that do not take the proxy's certificate: from files, read when the proxy starts. */
import { createPrivateKey } from 'node:crypto';
import keyParser from 'ssh2/lib/protocol/keyParser.js';
import { signerOf } from '../../ca/node-crypto.ts';
import { readPassphrase } from '../../ca/passphrase.ts';
import type { ProxyService } from '../../config/config.ts';
import { readSafely } from '../../host/safe-open.ts';
import type { Secret } from '../../otp/secret.ts';
import type { CaSigner } from '../../ssh/sign-certificate.ts';

export interface VaultEntry {
  readonly key?: CaSigner;
  readonly password?: Secret;
}

export interface Vault {
  entryFor(service: ProxyService, account: string): VaultEntry;
}

/** A string says what is wrong with one of the files. */
export function openVault(services: Iterable<ProxyService>): Vault | string {
  const entries = new Map<string, VaultEntry>();
  const reader = new Reader();
  for (const [service, account] of places(services)) {
    const entry = reader.read(service, account);
    if (typeof entry === 'string') return `service ${service.name}: ${entry}`;
    entries.set(placeOf(service, account), entry);
  }
  return { entryFor: (service, account) => entries.get(placeOf(service, account)) ?? {} };
}

/** Where the proxy may have to log in: also on the way to a service, where the account need not be one for people. */
function* places(services: Iterable<ProxyService>): Generator<readonly [ProxyService, string]> {
  for (const service of services) {
    for (const account of service.accounts) yield [service, account];
    for (let { via } = service; via !== undefined; { via } = via.service) yield [via.service, via.account];
  }
}

function placeOf({ name }: ProxyService, account: string): string {
  return `${name}\n${account}`;
}

/** A file that serves several accounts is read once: opening a key under a passphrase takes its time. */
class Reader {
  readonly #keys = new Map<string, CaSigner | string | undefined>();

  read({ credentials, keyFile, passphraseFile, passwordFile }: ProxyService, account: string): VaultEntry | string {
    const key = credentials.includes('key') ? this.#key(keyFile, passphraseFile, account) : undefined;
    if (typeof key === 'string') return key;
    const password = credentials.includes('password') ? readPassword(passwordFile, account) : undefined;
    if (typeof password === 'string') return password;
    return { ...(key !== undefined && { key }), ...(password !== undefined && { password }) };
  }

  #key(keyFile: string, passphraseFile: string, account: string): CaSigner | string | undefined {
    const file = forAccount(keyFile, account);
    const passphrase = forAccount(passphraseFile, account);
    const id = `${file}\n${passphrase}`;
    if (!this.#keys.has(id)) this.#keys.set(id, readKey(file, passphrase, file !== keyFile));
    return this.#keys.get(id);
  }
}

/** @param mayBeMissing it is one of several, and this account has none */
function readKey(file: string, passphraseFile: string, mayBeMissing: boolean): CaSigner | string | undefined {
  const read = readSafely(file, { maxBytes: maxKeyBytes, secret: true });
  if (read.kind === 'refused')
    return mayBeMissing && read.problem.cause === 'missing' ? undefined : `keyFile ${file} ${read.problem.text}`;
  const passphrase = passphraseFile === '' ? undefined : readPassphrase(passphraseFile);
  if (passphrase !== undefined && passphrase.kind !== 'done') return `passphraseFile ${passphrase.text}`;
  return signerIn(read.text, passphrase?.value) ?? `keyFile ${file} is no private key that this passphrase opens`;
}

function signerIn(text: string, passphrase: Secret | undefined): CaSigner | undefined {
  const parsed = keyParser.parseKey(text, passphrase?.expose());
  const [key] = Array.isArray(parsed) ? parsed : [parsed];
  const pem = key === undefined || key instanceof Error ? null : key.getPrivatePEM();
  if (pem === null) return undefined;
  try {
    return signerOf(createPrivateKey(pem));
  } catch {
    return undefined; // of a kind that OpenSSL does not take
  }
}

function readPassword(passwordFile: string, account: string): Secret | string | undefined {
  const file = forAccount(passwordFile, account);
  if (file !== passwordFile) {
    const there = readSafely(file, { maxBytes: maxKeyBytes, secret: true });
    if (there.kind === 'refused' && there.problem.cause === 'missing') return undefined;
  }
  const password = readPassphrase(file, 'password');
  return password.kind === 'done' ? password.value : `passwordFile ${password.text}`;
}

/** `%u` is the account, as in sshd_config(5): what can be one of a service's can be part of the name of a file. */
function forAccount(file: string, account: string): string {
  return file.replaceAll('%u', account);
}

const maxKeyBytes = 65_536;
