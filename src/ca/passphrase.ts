import { readSafely } from '../host/safe-open.ts';
import { Secret } from '../otp/secret.ts';
import { type CaResult, done, notInOrder } from './result.ts';

/** The first line of a file that nobody but its owner, and perhaps a group, may read. */
export function readPassphrase(file: string, what = 'passphrase'): CaResult<Secret> {
  const read = readSafely(file, { maxBytes: 4096, secret: true });
  if (read.kind === 'refused') return notInOrder(`${file}: ${read.problem.text}`);
  const [line = ''] = read.text.split(/\r?\n/);
  return line === '' ? notInOrder(`${file}: its first line, the ${what}, is empty`) : done(new Secret(line));
}
