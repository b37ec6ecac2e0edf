import { cleanText } from '../protocol/clean.ts';
import { catalog, type FindingId, type Severity, severities } from './catalog.ts';

export interface Finding {
  readonly id: FindingId;
  readonly severity: Severity;
  /** One line, without the accounts. */
  readonly what: string;
  /** The accounts that it is about, and from where they come if that matters; empty: all, or none. */
  readonly who: readonly string[];
  /** `file:line`, `setting value`, steps through a stack. */
  readonly evidence: readonly string[];
  /** The line that mends it, or what to do. */
  readonly mend: string;
}

/** Cleans all of it: much is other programs' words. */
export function found(id: FindingId, what: string, evidence: readonly string[], mend: string, who = ''): Finding {
  return {
    id,
    severity: catalog[id].severity,
    what: cleanText(what, 500),
    who: who === '' ? [] : [cleanText(who, 200)],
    evidence: evidence.map(one => cleanText(one, 500)),
    mend: cleanText(mend, 300),
  };
}

/** The worst first, in the order of the catalog; what is the same for several accounts once, with all of them. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  const merged = new Map<string, Finding>();
  for (const finding of findings) {
    const { who, ...rest } = finding;
    const key = JSON.stringify(rest);
    const known = merged.get(key);
    merged.set(key, known === undefined ? finding : { ...known, who: [...new Set([...known.who, ...who])] });
  }
  const ids = Object.keys(catalog);
  const rank = ({ severity, id }: Finding): number => severities.indexOf(severity) * ids.length + ids.indexOf(id);
  return [...merged.values()].toSorted((a, b) => rank(a) - rank(b));
}
