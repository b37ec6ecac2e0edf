/** A site of people with passwords, with the module where the lines of pam/samples look for it. */
import type { Test } from 'tap';
import { module, needsDoor } from './pam.ts';
import { installModule, setPasswords } from './pam-samples.ts';
import { privateHost } from './private-host.ts';
import { type Member, type Site, startSite } from './site.ts';
import { startWiretap, type Wiretap } from './wiretap.ts';

/** Everybody's, root's too. */
export const password = 'correct horse battery staple';

export interface SamplesSite<Name extends string> {
  readonly site: Site & { readonly members: Record<Name, Member> };
  readonly wiretap: Wiretap;
}

/** Call it first, in the place of privateHost(). The site goes when the test ends. */
export async function startSamplesSite<Name extends string>(
  t: Pick<Test, 'plan' | 'setTimeout' | 'teardown'>,
  names: readonly Name[],
): Promise<SamplesSite<Name>> {
  needsDoor(t, module);
  privateHost(t);
  installModule();
  const site = await startSite(names);
  const wiretap = await startWiretap(site);
  setPasswords(Object.fromEntries(['root', ...names].map(name => [name, password])));
  t.teardown(async () => {
    wiretap.stop();
    await site.stop();
  });
  return { site, wiretap };
}
