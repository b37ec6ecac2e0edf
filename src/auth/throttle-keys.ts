/** Under what names failures are counted, at the doors of a host and at the proxy alike. */

export function accountKey(account: string): string {
  return `account:${account}`;
}

/** At the proxy it is the person who is held off, wherever they go: their codes are the same, and `root` is anybody's. */
export function personKey(person: string): string {
  return `person:${person}`;
}

/** Wrong codes and wrong passwords from there. */
export function addressKey(address: string): string {
  return `address:${address}`;
}

/** Pushes that came to nothing. */
export function pushKey(target: string): string {
  return `push:${target}`;
}
