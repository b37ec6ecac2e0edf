import { isKeyType, type KeyType } from './public-key.ts';

/** `ssh-ed25519-cert-v01@openssh.com`: OpenSSH's own names lose their domain, which comes at the end. */
export function certTypeName(type: KeyType): string {
  return `${type.replace('@openssh.com', '')}${suffix}`;
}

/** The type of the key in a certificate of that type; undefined if it is no certificate's. */
export function certifiedType(name: string): KeyType | undefined {
  if (!name.endsWith(suffix)) return undefined;
  const base = name.slice(0, -suffix.length);
  return [base, `${base}@openssh.com`].find(isKeyType);
}

const suffix = '-cert-v01@openssh.com';
