import type { Facts, OfflineFacts } from '../facts.ts';
import { type Finding, found } from '../finding.ts';

/** Break-glass is needed on the day on which nothing can be prepared any more. */
export function checkOffline({ offline, config, nowMs }: Facts): Finding[] {
  const codeDigits = config.kind === 'loaded' ? config.config.policy.codeDigits : undefined;
  return offline.flatMap(one => [...endOf(one, nowMs), ...digitsOf(one, codeDigits)]);
}

const dayMs = 86_400_000;
const soonDays = 14;

function endOf({ account, factor, expiresMs, left }: OfflineFacts, nowMs: number): Finding[] {
  const days = Math.floor((expiresMs - nowMs) / dayMs);
  const mend = `trasa-agent offline ${factor === 'recovery-code' ? 'codes' : 'enrol'} ${account}, or offline revoke`;
  const evidence = [factor, `until ${new Date(expiresMs).toISOString()}`];
  if (days < soonDays) {
    const what = days < 0 ? 'has expired' : 'expires soon';
    return [found('offline-ending', `what was prepared for days without a server ${what}`, evidence, mend, account)];
  }
  if (left === undefined || left > 1) return [];
  const codes = [factor, `codes left: ${left}`];
  return [found('offline-ending', 'recovery codes are used up, or nearly', codes, mend, account)];
}

function digitsOf({ account, factor, digits }: OfflineFacts, codeDigits: number | undefined): Finding[] {
  if (digits === undefined || codeDigits === undefined || digits === codeDigits) return [];
  const evidence = [`${factor}: ${digits} digits`, `codeDigits = ${codeDigits}`];
  const what = 'an offline credential has another number of digits than codeDigits, and cannot be typed';
  return [found('offline-digits', what, evidence, `trasa-agent offline enrol ${account}`, account)];
}
