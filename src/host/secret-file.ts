import { statSync } from 'node:fs';
import { octal, othersCanWrite, walkTo } from './safe-path.ts';
import { refuse, refusedBy, type UnsafeFile } from './unsafe-file.ts';

/** What is wrong with a secret of another user's service, without reading it: only root and that user may change or read it. */
export function unsafeSecret(path: string, owner: number): UnsafeFile | undefined {
  const isTrusted = (uid: number): boolean => uid === 0 || uid === owner;
  const walked = walkTo(path, isTrusted);
  if (walked.kind === 'refused') return walked.problem;
  try {
    const stat = statSync(walked.path);
    const mode = octal(stat.mode);
    if (!stat.isFile()) return refuse('not-a-file', 'is not a regular file').problem;
    if (!isTrusted(stat.uid))
      return refuse('owner', `belongs to user id ${stat.uid}, not to ${owner} or root`, `chown ${owner} ${path}`)
        .problem;
    if (othersCanWrite(stat.mode))
      return refuse('mode', `can be written by others than its owner (mode ${mode})`, `chmod go-w ${path}`).problem;
    return (stat.mode & 0o004) === 0
      ? undefined
      : refuse('mode', `holds a secret and can be read by everyone (mode ${mode})`, `chmod o-r ${path}`).problem;
  } catch (error) {
    return refusedBy(error, walked.path).problem;
  }
}
