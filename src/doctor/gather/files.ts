/** Who can change a file that decides who gets in: owner, mode, and every directory on the way. */
import { statSync } from 'node:fs';
import { type IsTrusted, octal, othersCanWrite, walkTo } from '../../host/safe-path.ts';
import { type Refused, refuse, refusedBy } from '../../host/unsafe-file.ts';
import type { FileFacts } from '../facts.ts';

const rootAlone: IsTrusted = uid => uid === 0;

export function gatherFiles(paths: readonly string[]): FileFacts[] {
  return [...new Set(paths)].map(path => ({ path, problem: unsafeFile(path)?.problem }));
}

function unsafeFile(path: string): Refused | undefined {
  const walked = walkTo(path, rootAlone);
  if (walked.kind === 'refused') return walked;
  try {
    const { uid, mode } = statSync(walked.path);
    if (!rootAlone(uid)) return refuse('owner', `belongs to user id ${uid}, not to root`, `chown root ${walked.path}`);
    if (!othersCanWrite(mode)) return undefined;
    return refuse('mode', `can be written by others than root (mode ${octal(mode)})`, `chmod go-w ${walked.path}`);
  } catch (error) {
    return refusedBy(error, walked.path);
  }
}
