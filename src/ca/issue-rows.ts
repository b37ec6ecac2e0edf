/** Certificates and revocations, and how the tables of issues.ts have them. */
import type { CertType } from '../ssh/certificate.ts';
import { parsePublicKeyLine } from '../ssh/key-line.ts';
import type { PublicKey } from '../ssh/public-key.ts';

/** A certificate that was issued. */
export interface Issue {
  readonly serial: bigint;
  readonly type: CertType;
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since 1970. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  /** `SHA256:…` of the certified key, and of the CA's. */
  readonly key: string;
  readonly ca: string;
  /** Milliseconds since 1970. */
  readonly issuedAt: number;
}

export type Revocation =
  | { readonly kind: 'serial'; readonly serial: bigint; readonly ca: string }
  | { readonly kind: 'key-id'; readonly keyId: string }
  | { readonly kind: 'key'; readonly key: string };

/** What a host said of itself last. */
export interface ReportRow {
  /** `SHA256:…` of the certified key. */
  readonly key: string;
  /** `SHA256:…` of the CAs that it trusts. */
  readonly trusts: readonly string[];
  /** Milliseconds since 1970. */
  readonly reportedAt: number;
}

type Row = Readonly<Record<string, unknown>>;

export function issueOf(row: Row): Issue {
  return {
    serial: integer(row, 'serial'),
    type: text(row, 'type') === 'host' ? 'host' : 'user',
    keyId: text(row, 'key_id'),
    principals: principalsOf(text(row, 'principals')),
    validAfter: integer(row, 'valid_after'),
    validBefore: integer(row, 'valid_before'),
    key: text(row, 'key'),
    ca: text(row, 'ca'),
    issuedAt: Number(integer(row, 'issued_at')),
  };
}

export function reportOf(row: Row): ReportRow {
  const trusts = text(row, 'trusts')
    .split(' ')
    .filter(one => one !== '');
  return { key: text(row, 'key'), trusts, reportedAt: Number(integer(row, 'reported_at')) };
}

function principalsOf(json: string): string[] {
  const value: unknown = JSON.parse(json);
  return Array.isArray(value) ? value.map(String) : [];
}

export function columnsOf(revocation: Revocation): {
  readonly kind: string;
  readonly what: string;
  readonly ca: string;
} {
  switch (revocation.kind) {
    case 'serial':
      return { kind: 'serial', what: String(revocation.serial), ca: revocation.ca };
    case 'key-id':
      return { kind: 'key-id', what: revocation.keyId, ca: '' };
    case 'key':
      return { kind: 'key', what: revocation.key, ca: '' };
  }
}

export function revocationOf(row: Row): Revocation {
  const [kind, what, ca] = [text(row, 'kind'), text(row, 'what'), text(row, 'ca')];
  if (kind === 'serial') return { kind, serial: BigInt(what), ca };
  return kind === 'key-id' ? { kind, keyId: what } : { kind: 'key', key: what };
}

export function publicKeyIn(row: Row): PublicKey {
  const line = parsePublicKeyLine(text(row, 'key'));
  if (line.kind === 'malformed') throw new TypeError(`a retired key ${line.text}`);
  return line.value.key;
}

function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`column ${column} is not text`);
  return value;
}

function integer(row: Row, column: string): bigint {
  const value = row[column];
  if (typeof value !== 'bigint') throw new TypeError(`column ${column} is not an integer`);
  return value;
}
