import { publish } from '../../ca/files.ts';
import { type CaResult, done, refused } from '../../ca/result.ts';
import type { runProgram } from '../../system/run-program.ts';
import { type Held, heldCertificate, isDue, type RenewalServer, renewOnHost } from './renew.ts';

export interface RenewPlan {
  readonly server: RenewalServer;
  /** Of the certificates, each with its key beside it. */
  readonly files: readonly string[];
  /** Also those that have more than a third of their time left. */
  readonly all: boolean;
  /** systemd's unit of sshd, which reads its certificates anew when it is reloaded; undefined: nobody does that. */
  readonly unit: string | undefined;
}

export interface RenewPorts {
  readonly run: typeof runProgram;
  readonly say: (line: string) => void;
  readonly now: () => number;
}

/**
 * Renews what is due, and lets sshd know. One that cannot be renewed does not keep the others from it. If sshd cannot be
 * told, the certificates are put back, so that the next run tries again instead of finding nothing due.
 */
export async function renewAll({ server, files, all, unit }: RenewPlan, ports: RenewPorts): Promise<CaResult<void>> {
  const replaced: Held[] = [];
  const failures: Exclude<CaResult<void>, { kind: 'done' }>[] = [];
  for (const file of files) {
    const result = await renewOne(server, file, all, ports);
    if (result.kind !== 'done') failures.push(result);
    else if (result.value !== undefined) replaced.push(result.value);
  }
  const reloaded = replaced.length === 0 ? done(undefined) : await reload(unit, replaced, ports);
  const [failure] = failures;
  for (const other of failures.slice(1)) ports.say(other.text);
  return reloaded.kind === 'done' ? (failure ?? reloaded) : reloaded;
}

/** @returns what was there before, if there is another now */
async function renewOne(
  server: RenewalServer,
  file: string,
  all: boolean,
  { say, now }: RenewPorts,
): Promise<CaResult<Held | undefined>> {
  const held = heldCertificate(file);
  if (held.kind !== 'done') return held;
  if (!all && !isDue(held.value, now())) {
    say(`${file}: good until ${timeOf(held.value.certificate.validBefore)}, not due yet`);
    return done(undefined);
  }
  const next = await renewOnHost(server, held.value, now());
  if (next.kind !== 'done') return next;
  say(`${file}: renewed until ${timeOf(next.value.validBefore)}, serial ${next.value.serial}`);
  return done(held.value);
}

async function reload(
  unit: string | undefined,
  replaced: readonly Held[],
  { run, say }: RenewPorts,
): Promise<CaResult<void>> {
  if (unit === undefined) {
    say('have sshd reloaded: it shows the old certificate until then');
    return done(undefined);
  }
  const ran = await run('systemctl', ['reload', unit]);
  if (ran.kind === 'ran' && ran.status === 0) return done(undefined);
  for (const { file, text } of replaced) publish(file, text);
  const why = ran.kind === 'failed' ? ran.why : `systemctl reload ${unit}: ${ran.stderr.trim() || ran.status}`;
  return refused(`${why}; the certificates are again those that were there`);
}

function timeOf(seconds: bigint): string {
  return new Date(Number(seconds) * 1000).toISOString();
}
