import { randomBytes } from 'node:crypto';
import { exportedKeys, parseExportedKeys } from '../../ca/exported-keys.ts';
import { publish, readPublicKeys } from '../../ca/files.ts';
import { isVouchedFor, reportMessage, reportPurpose } from '../../ca/host-report.ts';
import { fingerprintOf } from '../../ca/issue.ts';
import { nodeCrypto } from '../../ca/node-crypto.ts';
import { type CaResult, done, refused, tryingTo } from '../../ca/result.ts';
import { fileExists } from '../../host/private-file.ts';
import type { PublicKey } from '../../ssh/public-key.ts';
import { signMessage } from '../../ssh/sshsig.ts';
import { ask, type Held, type RenewalServer, signerOfHeld } from './renew.ts';

export interface Told {
  /** `SHA256:…` of the Host CA that signs: a certificate by another one is due. */
  readonly hostCa: string;
  /** See `ReportAnswer`. */
  readonly userCas: string;
  readonly signature: Buffer;
  readonly nonce: string;
}

/** Says which CAs this host trusts, and is told which there are. */
export async function reportToServer(
  server: RenewalServer,
  held: Held,
  trusts: readonly string[],
): Promise<CaResult<Told>> {
  const signer = signerOfHeld(held);
  if (signer.kind !== 'done') return signer;
  return await tryingTo(server.url.href, async () => {
    const [asked, refusal] = await ask(server, 'ca/renew/challenge', {}, ['challenge']);
    if (asked === undefined) return refused(`${server.url.href}: ${refusal}`);
    const { challenge } = asked;
    const nonce = randomBytes(24).toString('base64url');
    const message = reportMessage({ certificate: held.blob, challenge, nonce, trusts });
    const signature = (await signMessage(message, reportPurpose, signer.value, nodeCrypto)).toString('base64');
    const report = { certificate: held.text.trim(), challenge, nonce, trusts: trusts.join(' '), signature };
    const [told, why] = await ask(server, 'ca/report', report, ['hostCA', 'userCAs', 'signature']);
    if (told === undefined) return refused(`${server.url.href}: ${why}`);
    const { hostCA: hostCa, userCAs: userCas } = told;
    return done({ hostCa, userCas, signature: Buffer.from(told.signature, 'base64'), nonce });
  });
}

/**
 * Puts the User CAs of the answer into `file`, which `ca trust` made, if one vouches for them that is in it already: so
 * whoever can pass for the server, and has no CA of ours, changes nothing.
 *
 * @returns whether there are others now
 */
export function takeOverUserCas(file: string, told: Told): CaResult<boolean> {
  if (told.userCas === '' || !fileExists(file)) return done(false);
  const trusted = readPublicKeys(file);
  if (trusted.kind !== 'done') return trusted;
  if (!isVouchedFor(told, told.nonce, trusted.value))
    return refused(
      `${file}: none of its User CAs vouches for those of the server; see to it with trasa-agent ca trust`,
    );
  const next = parseExportedKeys(told.userCas);
  if (next.kind === 'malformed' || next.value.length === 0) return refused(`${file}: the server names no keys for it`);
  if (namesOf(next.value) === namesOf(trusted.value)) return done(false);
  const written = publish(file, exportedKeys(next.value, 'user'));
  return written.kind === 'done' ? done(true) : written;
}

function namesOf(keys: readonly PublicKey[]): string {
  return keys.map(fingerprintOf).toSorted().join(' ');
}
