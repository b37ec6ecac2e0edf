import { publish, readCertificate } from '../../ca/files.ts';
import { readHostKey } from '../../ca/host-key.ts';
import { nodeCrypto } from '../../ca/node-crypto.ts';
import { renewalMessage, renewalPurpose } from '../../ca/renewal.ts';
import { type CaResult, done, notInOrder, refused, tryingTo } from '../../ca/result.ts';
import { fileExists } from '../../host/private-file.ts';
import { type Certificate, parseCertificate } from '../../ssh/certificate.ts';
import { checkCertificate } from '../../ssh/check-certificate.ts';
import { parseKeyLine } from '../../ssh/key-line.ts';
import { encodePublicKey } from '../../ssh/public-key.ts';
import type { CaSigner } from '../../ssh/sign-certificate.ts';
import { signMessage } from '../../ssh/sshsig.ts';
import { timeLeft } from '../../ssh/time-left.ts';
import { isObject, parseObject } from '../json.ts';
import { pinnedPost } from '../pinned-request.ts';

/** The server that has the Host CA. */
export interface RenewalServer {
  readonly url: URL;
  /** See `KrlSource`. */
  readonly pin: string | undefined;
}

export interface Held {
  readonly file: string;
  /** What is in it now, to be put back if sshd does not take the next. */
  readonly text: string;
  readonly blob: Buffer;
  readonly certificate: Certificate;
}

/** The certificate in `file` (`…-cert.pub`), whose key is beside it. */
export function heldCertificate(file: string): CaResult<Held> {
  const read = readCertificate(file);
  if (read.kind !== 'done') return read;
  const { certificate } = read.value;
  return certificate.type === 'host' ? done({ file, ...read.value }) : notInOrder(`${file}: is no host's certificate`);
}

/** Is less than a third of its time left? */
export function isDue({ certificate }: Held, now: number): boolean {
  return timeLeft(certificate, now).standing !== 'fine';
}

/** Brings the next certificate, and puts it in the place of the present one when it is known to be good. */
export async function renewOnHost(server: RenewalServer, held: Held, now: number): Promise<CaResult<Certificate>> {
  const signer = signerOfHeld(held);
  if (signer.kind !== 'done') return signer;
  return await tryingTo(server.url.href, async () => {
    const [asked, refusal] = await ask(server, 'ca/renew/challenge', {}, ['challenge']);
    if (asked === undefined) return refused(`${server.url.href}: ${refusal}`);
    const { challenge } = asked;
    const message = renewalMessage({ challenge, certificate: held.blob });
    const signature = (await signMessage(message, renewalPurpose, signer.value, nodeCrypto)).toString('base64');
    const request = { certificate: held.text.trim(), challenge, signature };
    const [next, why] = await ask(server, 'ca/renew', request, ['certificate']);
    if (next === undefined) return refused(`${server.url.href}: ${why}`);
    return takeOver(held, next.certificate, now);
  });
}

/** What signs with the key that is certified. */
export function signerOfHeld({ file, certificate }: Held): CaResult<CaSigner> {
  const keyFile = file.replace(/-cert\.pub$/, '');
  if (keyFile === file || !fileExists(keyFile))
    return notInOrder(`${file}: its key is not beside it, in the file of that name without -cert.pub`);
  const signer = readHostKey(keyFile);
  if (signer.kind !== 'done') return signer;
  return encodePublicKey(signer.value.publicKey).equals(encodePublicKey(certificate.key))
    ? signer
    : notInOrder(`${file}: certifies another key than that in ${keyFile}`);
}

const timeoutMs = 30_000;

/** Members of the answer that are text, or why there are none. */
export async function ask<const Name extends string>(
  { url, pin }: RenewalServer,
  path: string,
  fields: object,
  members: readonly Name[],
): Promise<[values: Readonly<Record<Name, string>> | undefined, reason: string]> {
  const { pathname } = new URL(path, url);
  const envelope = parseObject(
    await pinnedPost(url, pin, pathname, JSON.stringify(fields), AbortSignal.timeout(timeoutMs)),
  );
  const { status, reason, data } = envelope ?? {};
  const first: unknown = Array.isArray(data) ? data[0] : undefined;
  const values = status === 'success' && isObject(first) ? textsOf(first, members) : undefined;
  if (values !== undefined) return [values, ''];
  return [undefined, typeof reason === 'string' ? reason : 'answers in a way that is not understood'];
}

function textsOf<const Name extends string>(
  object: Readonly<Record<string, unknown>>,
  names: readonly Name[],
): Readonly<Record<Name, string>> | undefined {
  const texts: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = object[name];
    if (typeof value !== 'string') return undefined;
    texts[name] = value;
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every name was given its text just now
  return texts as Record<Name, string>;
}

function takeOver(held: Held, text: string, now: number): CaResult<Certificate> {
  const next = nextOf(held.certificate, text, now);
  if (next === undefined) return refused(`${held.file}: what the server sent is not its next certificate; it stays`);
  const written = publish(held.file, `${text.trim()}\n`);
  return written.kind === 'done' ? done(next) : written;
}

/** For the same key and names, good now, and for longer. Of which CA, the server decides: it may have been rotated. */
function nextOf(present: Certificate, text: string, now: number): Certificate | undefined {
  const line = parseKeyLine(text);
  const read = line.kind === 'parsed' ? parseCertificate(line.value.blob) : line;
  if (line.kind === 'malformed' || read.kind === 'malformed') return undefined;
  const next = read.value;
  const terms = { type: 'host', caKeys: [next.caKey], now, honours: [], revoked: [] } as const;
  const isGood =
    next.validBefore > present.validBefore &&
    next.principals.join() === present.principals.join() &&
    encodePublicKey(next.key).equals(encodePublicKey(present.key)) &&
    next.principals.every(
      principal => checkCertificate(line.value.blob, { ...terms, principal }, nodeCrypto).kind === 'valid',
    );
  return isGood ? next : undefined;
}
