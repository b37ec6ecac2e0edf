import { exportedKeys } from '../ca/exported-keys.ts';
import { readBytes, readPublicKeys } from '../ca/files.ts';
import { type CaResult, done, refused } from '../ca/result.ts';
import { parseKrl } from '../ssh/krl-read.ts';
import type { SshdChange } from './change-sshd.ts';

export interface TrustWish {
  /** Public keys of the User CA, as `ca export user` prints them: a line each. */
  readonly caFile: string;
  /** The revocation list; undefined: the one that is installed stays, if there is one. */
  readonly krlFile: string | undefined;
  /** For AuthorizedPrincipalsFile; undefined: a principal is the name of an account. */
  readonly principals: string | undefined;
}

export const trustPaths = {
  ca: '/etc/ssh/trasa-user-ca.pub',
  krl: '/etc/ssh/trasa-revoked.krl',
  dropIn: '/etc/ssh/sshd_config.d/20-trasa-user-ca.conf',
} as const;

/** This host lets people in by the certificates of a User CA. */
export function planTrust({ caFile, krlFile, principals }: TrustWish): CaResult<SshdChange> {
  const cas = readPublicKeys(caFile);
  if (cas.kind !== 'done') return cas;
  const krl = readKrl(krlFile ?? trustPaths.krl);
  if (krl.kind !== 'done') return krl;
  if (krlFile !== undefined && krl.value === undefined) return refused(`${krlFile}: is not there`);
  if (principals !== undefined && !/^\/[!-~]+$/.test(principals))
    return refused(`${principals}: say an absolute path, such as /etc/ssh/principals/%u`);
  const settings = [
    { name: 'TrustedUserCAKeys', value: trustPaths.ca },
    ...(krl.value === undefined ? [] : [{ name: 'RevokedKeys', value: trustPaths.krl }]),
    ...(principals === undefined ? [] : [{ name: 'AuthorizedPrincipalsFile', value: principals }]),
  ];
  const files = new Map<string, string | Buffer>([[trustPaths.ca, exportedKeys(cas.value, 'user')]]);
  if (krl.value !== undefined) files.set(trustPaths.krl, krl.value);
  files.set(trustPaths.dropIn, settings.map(({ name, value }) => `${name} ${value}\n`).join(''));
  const expected = settings.map(({ name, value }) => ({ setting: name.toLowerCase(), value }));
  return done({ files, expected });
}

const maxKrlBytes = 16 * 1024 * 1024;

/** sshd lets nobody in by a key while it cannot read the list, so it is read first. */
function readKrl(file: string): CaResult<Buffer | undefined> {
  const read = readBytes(file, maxKrlBytes);
  if (read.kind !== 'done' || read.value === undefined) return read;
  const krl = parseKrl(read.value);
  return krl.kind === 'parsed' ? read : refused(`${file}: ${krl.text}`);
}
