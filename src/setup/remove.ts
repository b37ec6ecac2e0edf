import { type SetupHost, type Trouble, trouble } from './host.ts';
import { takePamLines } from './pam-block.ts';
import { NotPlaced, placeFile, readImage } from './place-file.ts';
import { revert } from './revert.ts';
import { reloadSshd } from './services.ts';
import { mark } from './sshd-lines.ts';

/**
 * Takes our lines out of sshd and PAM, for good; the configuration stays. May be stopped anywhere and run again: sshd is
 * told first, so that nobody is sent to a line that is gone.
 */
export async function remove(host: SetupHost): Promise<readonly Trouble[]> {
  const { dropIn, pamFile } = host.paths;
  const pending = await revert(host);
  if (pending.troubles.length > 0) return pending.troubles;
  try {
    const isOurs = readImage(dropIn)?.bytes.toString('latin1').startsWith(mark) === true;
    if (isOurs) placeFile(dropIn, undefined);
    const notReloaded = isOurs ? await reloadSshd(host) : undefined;
    if (notReloaded !== undefined) return [notReloaded];
    const pam = readImage(pamFile);
    if (pam === undefined) return [];
    const bytes = Buffer.from(takePamLines(pam.bytes.toString('latin1')), 'latin1');
    if (!bytes.equals(pam.bytes)) placeFile(pamFile, { ...pam, bytes });
    return [];
  } catch (error) {
    if (!(error instanceof NotPlaced)) throw error;
    return [trouble(error.message)];
  }
}
