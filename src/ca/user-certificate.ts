import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type CertOptions, flag, optionValue } from '../ssh/cert-options.ts';
import { type Connection, keyIdOf } from '../ssh/proxied-login.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { parseAddressList } from '../ssh/source-address.ts';
import type { Issuer } from './authority.ts';
import { type Issued, issue } from './issue.ts';
import { publicKeyOf } from './node-crypto.ts';
import { type CaResult, done, refused } from './result.ts';

/** Who enters which account, for how long, with what. */
export interface UserTerms {
  readonly principals: readonly string[];
  readonly forSeconds: number;
  /** CIDR blocks, comma separated; undefined: from anywhere. */
  readonly sourceAddress?: string | undefined;
  readonly forceCommand?: string | undefined;
  /** Of a security key: the person has to be verified (PIN, fingerprint), not only present. */
  readonly verifyRequired?: boolean;
  /** `permit-pty`, or `name@domain=value`. What is not named is not permitted. */
  readonly extensions: readonly string[];
}

/** Certifies the key of a person for accounts. */
export async function signUserKey(
  issuer: Issuer,
  key: PublicKey,
  keyId: string,
  terms: UserTerms,
  now: number,
): Promise<CaResult<Issued>> {
  const problem =
    principalProblem(terms.principals) ?? sourceProblem(terms.sourceAddress) ?? commandProblem(terms.forceCommand);
  if (problem !== undefined) return refused(problem);
  if (terms.verifyRequired === true && !key.type.startsWith('sk-'))
    return refused('only a security key can be told to verify the person');
  const extensions = extensionsOf(terms.extensions);
  if (extensions.kind !== 'done') return extensions;
  const { principals, forSeconds } = terms;
  const options = { criticalOptions: criticalOptionsOf(terms), extensions: extensions.value };
  return await issue(issuer, { key, type: 'user', keyId, principals, forSeconds, ...options }, now);
}

export interface UserCredential extends Issued {
  readonly privateKey: KeyObject;
  readonly publicKey: PublicKey;
  readonly keyId: string;
}

/** A fresh Ed25519 key with its certificate, which nobody but the caller ever has. */
export async function issueUserCertificate(
  issuer: Issuer,
  connection: Connection,
  terms: UserTerms,
  now: number,
): Promise<CaResult<UserCredential>> {
  const { person, host, attempt } = connection;
  // Between colons, of which a host (IPv6) may have more: the first and the last part are still told from it.
  if (![person, attempt].every(part => /^[^:\s]+$/.test(part)) || !/^\S+$/.test(host))
    return refused('a key id names a person, a host and an attempt, without blanks or colons in them');
  const { privateKey, publicKey: object } = generateKeyPairSync('ed25519');
  const publicKey = publicKeyOf(object);
  if (publicKey === undefined) throw new Error('Ed25519 is none of SSH');
  const keyId = keyIdOf(connection);
  const issued = await signUserKey(issuer, publicKey, keyId, terms, now);
  return issued.kind === 'done' ? done({ ...issued.value, privateKey, publicKey, keyId }) : issued;
}

/** What sshd knows (draft-miller-ssh-cert §2.4). */
const permissions = [
  'no-touch-required',
  'permit-X11-forwarding',
  'permit-agent-forwarding',
  'permit-port-forwarding',
  'permit-pty',
  'permit-user-rc',
];

/** The names of accounts: no blanks, nothing that a pattern or a list is made of. */
function principalProblem(principals: readonly string[]): string | undefined {
  const bad = principals.find(name => !/^[^\s,*?!:/\p{C}]+$/u.test(name));
  return bad === undefined ? undefined : `${JSON.stringify(bad)} is not the name of an account`;
}

function sourceProblem(list: string | undefined): string | undefined {
  if (list === undefined || parseAddressList(list) !== undefined) return undefined;
  return `${list}: say addresses or CIDR blocks, comma separated, without bits behind the prefix: 10.0.0.0/8,2001:db8::/32`;
}

function commandProblem(command: string | undefined): string | undefined {
  if (command === undefined || (command.trim() !== '' && !/\p{Cc}/u.test(command))) return undefined;
  return 'a forced command is one line, and not empty';
}

function criticalOptionsOf({ sourceAddress, forceCommand, verifyRequired }: UserTerms): CertOptions {
  const options = new Map<string, Buffer>();
  if (forceCommand !== undefined) options.set('force-command', optionValue(forceCommand));
  if (sourceAddress !== undefined) options.set('source-address', optionValue(sourceAddress));
  if (verifyRequired === true) options.set('verify-required', flag);
  return options;
}

function extensionsOf(names: readonly string[]): CaResult<CertOptions> {
  const options = new Map<string, Buffer>();
  for (const text of names) {
    const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
    const isOwn = name.includes('@');
    if (!isOwn && (value !== undefined || !permissions.includes(name)))
      return refused(`${text}: is no extension; there are ${permissions.join(', ')} and name@domain=value of your own`);
    options.set(name, value === undefined ? flag : optionValue(value));
  }
  return done(options);
}
