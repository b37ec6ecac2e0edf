/** A whole installation behind PAM: a site, an sshd without ForceCommand, and all that the daemon says to the server. */
import type { Test } from 'tap';
import { startPamSshd } from './pam.ts';
import { type Member, type Site, startSite } from './site.ts';
import type { Sshd } from './sshd.ts';
import { authorize } from './users.ts';
import { startWiretap, type Wiretap } from './wiretap.ts';

export interface PamSite<Name extends string> {
  readonly site: Site & { readonly members: Record<Name, Member> };
  readonly wiretap: Wiretap;
  /** Takes the members' keys. */
  readonly sshd: Sshd;
}

/** @param extraConfig lines of sshd_config(5) */
export async function startPamSite<Name extends string>(
  t: Pick<Test, 'teardown'>,
  members: readonly Name[],
  extraConfig = '',
): Promise<PamSite<Name>> {
  const site = await startSite(members);
  const wiretap = await startWiretap(site);
  const sshd = await startPamSshd({ extraConfig });
  for (const name of members) authorize(site.members[name].user, sshd.publicKey);
  t.teardown(async () => {
    wiretap.stop();
    await sshd.stop();
    await site.stop();
  });
  return { site, wiretap, sshd };
}
