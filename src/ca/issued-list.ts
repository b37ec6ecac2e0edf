import { inColumns } from './columns.ts';
import type { Issue } from './issue-rows.ts';

const heading = ['SERIAL', 'TYPE', 'KEY ID', 'PRINCIPALS', 'VALID FROM', 'UNTIL (UTC)'];

/** One line each, in columns. Nothing in it is foreign text: a certificate with control characters is not issued. */
export function issuedAsTable(issues: readonly Issue[]): string[] {
  return inColumns([heading, ...issues.map(rowOf)]);
}

/** Serials are strings: JSON's numbers are not exact up there. */
export function issuedAsJson(issues: readonly Issue[]): string[] {
  return issues.map(({ serial, validAfter, validBefore, issuedAt, ...rest }) =>
    JSON.stringify({
      serial: String(serial),
      ...rest,
      validAfter: timeOf(validAfter),
      validBefore: timeOf(validBefore),
      issuedAt: new Date(issuedAt).toISOString(),
    }),
  );
}

function rowOf({ serial, type, keyId, principals, validAfter, validBefore }: Issue): string[] {
  const times = [validAfter, validBefore].map(seconds => timeOf(seconds).replace('T', ' ').slice(0, 19));
  return [String(serial), type, keyId, principals.join(','), ...times];
}

function timeOf(seconds: bigint): string {
  return new Date(Number(seconds) * 1000).toISOString();
}
