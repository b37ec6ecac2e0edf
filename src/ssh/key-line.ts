/** A key or certificate as one line of text: `ssh-ed25519 AAAA… comment`, as in .pub files and authorized_keys(5). */
import { certifiedType } from './cert-type-name.ts';
import { malformed, type Parsed, parsed } from './parsed.ts';
import { encodePublicKey, type PublicKey, parsePublicKey } from './public-key.ts';
import { WireReader } from './wire.ts';

export interface KeyLine {
  readonly type: string;
  readonly blob: Buffer;
  readonly comment: string;
}

/** More than the largest certificate that we read (certificate.ts) takes in base64. */
const maxLength = 64_000;

/** Options before the type, which authorized_keys(5) may have, are refused: what they restrict would be lost. */
export function parseKeyLine(text: string): Parsed<KeyLine> {
  const line = text.trim();
  if (line.length > maxLength) return malformed('is too long for a public key');
  if (/[\r\n]/.test(line)) return malformed('is more than one line; a public key is one');
  const [, type, base64, comment = ''] = /^([!-~]{1,64})[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]+(.*))?$/.exec(line) ?? [];
  if (type === undefined || base64 === undefined)
    return malformed('is not a public key: say "ssh-ed25519 AAAA…", as in a .pub file, without options before it');
  const blob = Buffer.from(base64, 'base64');
  if (blob.toString('base64') !== base64) return malformed('is not base64');
  if (new WireReader(blob).string().toString('latin1') !== type) return malformed(`is not the ${type} that it says`);
  return parsed({ type, blob, comment });
}

/** A plain public key, no certificate. */
export function parsePublicKeyLine(text: string): Parsed<{ readonly key: PublicKey; readonly comment: string }> {
  const line = parseKeyLine(text);
  if (line.kind === 'malformed') return line;
  if (certifiedType(line.value.type) !== undefined) return malformed('is a certificate, not a plain key');
  const key = parsePublicKey(line.value.blob);
  return key.kind === 'malformed' ? key : parsed({ key: key.value, comment: line.value.comment });
}

/** @param comment is put at the end as it is: one line, if any. */
export function publicKeyLine(key: PublicKey, comment = ''): string {
  return keyLine(key.type, encodePublicKey(key), comment);
}

export function keyLine(type: string, blob: Buffer, comment = ''): string {
  return `${type} ${blob.toString('base64')}${comment === '' ? '' : ` ${comment}`}`;
}
