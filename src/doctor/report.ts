/** Findings as text for a person, and as JSON for a program. */
import { type Severity, severities } from './catalog.ts';
import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import type { ProxyFacts } from './proxy-facts.ts';

/** What was looked at. */
export interface Looked {
  /** Undefined: the proxy alone. */
  readonly host: Facts | undefined;
  /** Undefined: there is none. */
  readonly proxy: ProxyFacts | undefined;
}

export function asText(findings: readonly Finding[], looked: Looked): string {
  const lines = findings.flatMap(({ id, severity, what, who, evidence, mend }) => [
    `${severity}: ${who.length === 0 ? '' : `${who.join(', ')}: `}${what} [${id}]`,
    ...evidence.map(one => `    ${one}`),
    `  mend: ${mend}`,
  ]);
  return `${[...lines, summary(findings, looked)].join('\n')}\n`;
}

function summary(findings: readonly Finding[], { host, proxy }: Looked): string {
  const seen = [...(host === undefined ? [] : hostSeen(host)), ...(proxy === undefined ? [] : [proxySeen(proxy)])];
  const counts = severities
    .map(severity => ({ severity, count: countOf(findings, severity) }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => counted(count, severity));
  return `${counts.length === 0 ? 'nothing found' : counts.join(', ')} (looked at: ${seen.join(', ')})`;
}

function hostSeen({ accounts, services, servers }: Facts): string[] {
  const names = services.map(({ name }) => name).join(', ');
  return [
    counted(accounts.length, 'account'),
    names === '' ? 'no PAM services' : `PAM services ${names}`,
    counted(servers.length, 'server'),
  ];
}

function proxySeen({ examined }: ProxyFacts): string {
  const sight = typeof examined === 'string' ? null : examined.sight;
  return sight === null ? 'the access proxy' : `the access proxy with ${counted(sight.services.length, 'service')}`;
}

export function asJson(findings: readonly Finding[]): string {
  const count = Object.fromEntries(severities.map(severity => [severity, countOf(findings, severity)]));
  return `${JSON.stringify({ findings, count }, undefined, 2)}\n`;
}

/** As monitoring plugins have it: 0 well, 1 look at it, 2 act. */
export function statusOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (countOf(findings, 'hole') + countOf(findings, 'breakage') > 0) return 2;
  return countOf(findings, 'warning') > 0 ? 1 : 0;
}

function countOf(findings: readonly Finding[], severity: Severity): number {
  return findings.filter(finding => finding.severity === severity).length;
}

function counted(count: number, noun: string): string {
  return `${count === 0 ? 'no' : count} ${noun}${count === 1 ? '' : 's'}`;
}
