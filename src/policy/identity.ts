/** The `[identity]` part of the configuration: who is the person behind an account? */
export interface IdentityRules {
  /** Account → TRASA ID (email or TRASA username). */
  readonly people: ReadonlyMap<string, string>;
  /** `SHA256:…` of a public key → TRASA ID: who is it that uses a shared account. */
  readonly keys: ReadonlyMap<string, string>;
  /** Appended as `account@domain`; empty if unset. */
  readonly domain: string;
}

/** The person, as far as the rules can tell; undefined means that the person must be asked. */
export function personBehind(
  rules: IdentityRules,
  account: string,
  keyFingerprint: string | undefined,
): string | undefined {
  const byAccount = rules.people.get(account);
  if (byAccount !== undefined) return byAccount;
  const byKey = keyFingerprint === undefined ? undefined : rules.keys.get(keyFingerprint);
  if (byKey !== undefined) return byKey;
  return rules.domain === '' ? undefined : `${account}@${rules.domain}`;
}

/** Do the rules tell the person behind some accounts, and not behind others? */
export function namesSomeOnly({ people, domain }: IdentityRules): boolean {
  return domain === '' && people.size > 0;
}

/**
 * A TRASA ID as a person types it: an email address or a TRASA username, cleaned of surrounding blanks.
 * Undefined if it cannot be one; it is then never sent anywhere (it may be a password).
 */
export function parseTrasaID(typed: string): string | undefined {
  const trimmed = typed.trim();
  return /^[\p{L}\p{N}._%+'-]{1,64}(@[\p{L}\p{N}.-]{1,190})?$/u.test(trimmed) ? trimmed : undefined;
}
