/** The lines that we tell administrators to write, in the stacks of their distributions: nobody gets around them. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { parseService } from '../../src/system/pam-stack.ts';
import { wayAround, wayThrough } from '../../src/system/pam-walk.ts';
import { secondFactorAt } from '../../src/system/second-factor.ts';

const samples = join(import.meta.dirname, '../../pam/samples');

/** As installed: Debian 12 (pam-auth-update), RHEL 9 (authselect's profile sssd). */
const distributions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
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
    'system-auth': `auth        required                                     pam_env.so
auth        required                                     pam_faildelay.so delay=2000000
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        [default=1 ignore=ignore success=ok]         pam_localuser.so
auth        sufficient                                   pam_unix.so nullok
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        sufficient                                   pam_sss.so forward_pass
auth        required                                     pam_deny.so
account     required                                     pam_unix.so
account     sufficient                                   pam_localuser.so
account     sufficient                                   pam_usertype.so issystem
account     [default=bad success=ok user_unknown=ignore] pam_sss.so
account     required                                     pam_permit.so`,
    postlogin: 'session optional pam_umask.so silent',
  },
};

for (const [distribution, files] of Object.entries(distributions))
  for (const path of globSync(`${samples}/${distribution}/*`).toSorted())
    t.test(`${distribution}: ${basename(path)}`, async t => {
      const all: Record<string, string> = { 'password-auth': files['system-auth'] ?? '', ...files };
      all[basename(path)] = readFileSync(path, 'utf8');
      const service = parseService(basename(path), name => {
        const text = all[name];
        return text === undefined ? undefined : { file: name, text };
      });
      if (service.kind === 'refused') throw new Error(service.why);
      t.strictSame(service.faults, []);
      let asks = 0;
      for (const phase of ['auth', 'account'] as const) {
        // in su, root becomes anybody: what pam_rootok lets in was root already
        const stack = service.stacks[phase].filter(({ module }) => module !== 'pam_rootok.so');
        if (!stack.some(entry => secondFactorAt(entry, phase) !== undefined)) continue;
        asks += 1;
        t.strictSame(wayAround(stack, phase), { kind: 'none' }, phase);
        t.equal(wayThrough(stack, phase).kind, 'found', phase);
      }
      t.ok(asks > 0, 'it asks');
    });
