/** `npm run package`, if anything of which packages are made has changed since. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from './booted-host.ts';

const stamp = join(checkout, 'dist/.package.inputs');
const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: checkout, encoding: 'utf8' });
const hash = createHash('sha256');
for (const file of listed.split('\n').filter(name => name !== '' && !/^(test|bench)\//.test(name))) {
  const path = join(checkout, file);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) hash.update(`${file}\0`).update(readFileSync(path));
}
const inputs = hash.digest('hex');
if (!existsSync(join(checkout, 'dist/apt/InRelease')) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== inputs) {
  execFileSync(process.execPath, ['tools/package.ts'], { cwd: checkout, stdio: 'inherit' });
  writeFileSync(stamp, inputs);
}
