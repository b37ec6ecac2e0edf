/** What `ca trust` and `ca install-host` share: this host's sshd is changed, and told. */
import { existsSync } from 'node:fs';
import type { CaResult } from '../ca/result.ts';
import type { SshdChange } from '../enlist/change-sshd.ts';
import { say } from './server-common.ts';

export async function changeHost(change: SshdChange): Promise<CaResult<void>> {
  const { changeSshd } = await import('../enlist/change-sshd.ts');
  const { reloadSshd } = await import('../setup/services.ts');
  const { usualSshd } = await import('../system/sshd-settings.ts');
  const place = { sshd: usualSshd, hasSystemd: existsSync('/run/systemd/system') };
  const changed = await changeSshd(change, { ...place, reload: async () => await reloadSshd(place) });
  if (changed.kind === 'done') for (const path of change.files.keys()) say(`wrote ${path}`);
  return changed;
}
