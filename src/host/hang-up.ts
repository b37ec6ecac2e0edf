import { native } from './native.ts';

/**
 * Is the other end of this descriptor gone? Nothing is read or written.
 *
 * sshd tells a command without a terminal nothing when its client leaves; but then poll(2) reports POLLERR on the
 * command's standard output. A descriptor that is not open counts as gone.
 */
export function isHungUp(fd: number): boolean {
  return native().isHungUp(fd);
}
