import type { EntryRule } from '../../src/policy/entry-rules.ts';
import { usualGrant } from '../../src/policy/grant.ts';

/** Lets everybody in, as no policy does; a test changes what it is about. */
export const entryRule: EntryRule = {
  name: 'everybody',
  people: undefined,
  groups: undefined,
  services: undefined,
  accounts: undefined,
  hours: { spans: [{ days: [0, 1, 2, 3, 4, 5, 6], from: 0, until: 24 * 60 }] },
  timeZone: 'UTC',
  lastDay: undefined,
  networks: '',
  grant: { ...usualGrant(false), rule: 'everybody' },
};
