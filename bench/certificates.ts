/** One user certificate with a fresh Ed25519 key, in process and on record, against ssh-keygen doing the same. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { initCa, openAuthority, unlockCa } from '../src/ca/authority.ts';
import type { CaResult } from '../src/ca/result.ts';
import { issueUserCertificate } from '../src/ca/user-certificate.ts';
import { Secret } from '../src/otp/secret.ts';
import { median, type Row, sideBySide } from './measure.ts';

const bound = 10;
/** As the proxy opens it: serials in blocks. */
const serialsAtOnce = 64;

export async function certificates(): Promise<Row[]> {
  const folder = mkdtempSync('/var/lib/bench-ca-');
  const directory = join(folder, 'ca');
  const passphrase = new Secret('correct horse battery staple');
  valueOf(await initCa(directory, 'user', 'ed25519', passphrase));
  const authority = valueOf(openAuthority(directory, serialsAtOnce));
  const issuer = valueOf(await unlockCa(authority, 'user', passphrase));
  const caFile = join(folder, 'ca-key');
  keygen('-t', 'ed25519', '-N', '', '-f', caFile);

  const terms = { principals: ['alice'], forSeconds: 300, sourceAddress: '10.0.0.5', extensions: ['permit-pty'] };
  const times = await sideBySide(
    60,
    async () => await timed(async () => await Promise.resolve(byKeygen(folder, caFile))),
    async () =>
      (await timed(async () => {
        for (let i = 0; i < 20; i++)
          valueOf(
            await issueUserCertificate(
              issuer,
              { person: 'alice', host: 'web1', attempt: String(i) },
              terms,
              Date.now(),
            ),
          );
      })) / 20,
  );
  authority.close();
  rmSync(folder, { recursive: true });
  const [theirs = Number.NaN, ours = Number.NaN] = times.map(median);
  const ratio = theirs / ours;
  return [
    {
      what: 'user certificates per second with a fresh Ed25519 key, on record, against `ssh-keygen` (both keys, both files)',
      figure: `${ratio.toFixed(0)} (${(1000 / ours).toFixed(0)} / ${(1000 / theirs).toFixed(0)})`,
      bound: `≥ ${bound}`,
      isMet: ratio >= bound,
    },
  ];
}

function byKeygen(folder: string, caFile: string): void {
  const key = join(folder, 'key');
  for (const file of [key, `${key}.pub`, `${key}-cert.pub`]) rmSync(file, { force: true });
  keygen('-t', 'ed25519', '-N', '', '-f', key);
  const restrictions = ['-O', 'clear', '-O', 'permit-pty', '-O', 'source-address=10.0.0.5'];
  keygen('-s', caFile, '-I', 'trasa:alice:web1:1', '-n', 'alice', '-V', '-1m:+5m', ...restrictions, `${key}.pub`);
}

function keygen(...args: string[]): void {
  execFileSync('ssh-keygen', ['-q', ...args], { stdio: 'pipe' });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function valueOf<T>(result: CaResult<T>): T {
  if (result.kind !== 'done') throw new Error(result.text);
  return result.value;
}
