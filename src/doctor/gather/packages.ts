import { runProgram } from '../../system/run-program.ts';
import type { PackageFacts } from '../facts.ts';

/** Ours that are installed, as dpkg(1) knows; none where there is no dpkg. */
export async function gatherPackages(): Promise<PackageFacts[]> {
  const format = ['Package', 'Version', 'db:Status-Status'].map(field => `\${${field}}`).join(' ');
  const words = ['--show', `--showformat=${format}\\n`, 'trasa-agent', 'libpam-trasa'];
  const ran = await runProgram('/usr/bin/dpkg-query', words);
  if (ran.kind === 'failed') return [];
  // status 1 if it does not know one of them; the other is printed all the same
  return ran.stdout.split('\n').flatMap(line => {
    const [name = '', version = '', status] = line.split(' ');
    return status === 'installed' ? [{ name, version }] : [];
  });
}
