/** The files that services include, of the distributions that we know. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const rhel9 = join(import.meta.dirname, '../fixtures/pam.d/rhel-9');
const read = (name: string): string => readFileSync(join(rhel9, name), 'utf8');

export const distributions = {
  /** Debian 12, as pam-auth-update makes them. */
  debian: {
    'common-auth': `auth	[success=1 default=ignore]	pam_unix.so nullok
auth	requisite			pam_deny.so
auth	required			pam_permit.so
auth	optional			pam_cap.so`,
    'common-account': `account	[success=1 new_authtok_reqd=done default=ignore]	pam_unix.so
account	requisite			pam_deny.so
account	required			pam_permit.so`,
  },
  'rhel-9': {
    'system-auth': read('system-auth'),
    'password-auth': read('password-auth'),
    postlogin: read('postlogin'),
  },
} as const;
