/** What the kernel's access control has refused, from the logs that this host has. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { runProgram } from '../../system/run-program.ts';

const logs: readonly string[] = ['/var/log/audit/audit.log', '/var/log/kern.log', '/var/log/syslog'];
/** The end of each log; older lines are not of the last day, or the host has other troubles. */
const tailBytes = 1024 * 1024;

/** Lines of AppArmor or SELinux, whatever they are about. */
export async function gatherDenials(): Promise<string[]> {
  const words = ['--dmesg', '--quiet', '--no-pager', '--output=cat', '--since=-24h', '--lines=5000'];
  const journal = await runProgram('/usr/bin/journalctl', words, { timeoutMs: 10_000, maxBytes: 4 * tailBytes });
  const texts = [...logs.map(tailOf), journal.kind === 'ran' ? journal.stdout : ''];
  return texts.flatMap(text => text.split('\n').filter(line => /apparmor="DENIED"|\bavc: +denied\b/.test(line)));
}

function tailOf(file: string): string {
  try {
    const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      const { size } = fstatSync(fd);
      const buffer = Buffer.alloc(Math.min(size, tailBytes));
      const length = readSync(fd, buffer, 0, buffer.length, size - buffer.length);
      return buffer.toString('latin1', 0, length);
    } finally {
      closeSync(fd);
    }
  } catch {
    return ''; // most hosts have one of the logs only
  }
}
