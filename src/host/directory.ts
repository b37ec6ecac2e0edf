import type { AccountLookup } from '../auth/ports.ts';
import { type Asker, createLookup, type LookUp } from './lookup.ts';

/** The host's users and groups. Nothing is remembered: who leaves a group is out of it at the next login. */
export function createDirectory(lookUp: LookUp = createLookup()): {
  account(name: string, asker?: Asker): Promise<AccountLookup>;
} {
  return {
    async account(name, asker) {
      const found = await lookUp(name, true, asker);
      if (found.kind !== 'found') return found;
      return {
        kind: 'found',
        name: found.user.name,
        uid: found.user.uid,
        groups: found.why === '' ? { kind: 'found', names: found.groups } : { kind: 'unavailable', detail: found.why },
      };
    },
  };
}
