/** The OpenSSH of Debian's next release, on a private host: its /usr in the place of this machine's, and all else as it is. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const checkout = join(import.meta.dirname, '../../..');

/** @returns the words before a command that is to run there; a string says why there is none */
export function newerOpenSsh(): readonly string[] | string {
  try {
    execFileSync('sh', [join(import.meta.dirname, 'newer-openssh.sh'), checkout], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    return `needs a newer OpenSSH: ${String((error as { stderr?: unknown }).stderr).trim()}`;
  }
  const [root, changes] = ['/mnt/newer', '/mnt/newer-changes'];
  for (const folder of [root, changes, `${changes}/upper`, `${changes}/work`]) mkdirSync(folder);
  const layers = `lowerdir=${checkout}/dist/newer-openssh/root,upperdir=${changes}/upper,workdir=${changes}/work`;
  execFileSync('mount', ['-t', 'overlay', '-o', layers, 'overlay', root]);
  for (const folder of ['etc', 'home', 'root', 'run', 'tmp', 'var', 'dev', 'proc']) {
    mkdirSync(`${root}/${folder}`, { recursive: true });
    execFileSync('mount', ['--rbind', `/${folder}`, `${root}/${folder}`]);
  }
  return ['chroot', root];
}
