import { publish } from '../../ca/files.ts';
import { fingerprintOf } from '../../ca/issue.ts';
import { type CaResult, done, refused } from '../../ca/result.ts';
import type { runProgram } from '../../system/run-program.ts';
import { type Held, heldCertificate, isDue, type RenewalServer, renewOnHost } from './renew.ts';
import { reportToServer, takeOverUserCas } from './report.ts';

export interface RenewPlan {
  readonly server: RenewalServer;
  /** Of the certificates, each with its key beside it. */
  readonly files: readonly string[];
  /** Also those that have more than a third of their time left. */
  readonly all: boolean;
  /** systemd's unit of sshd, which reads its certificates anew when it is reloaded; undefined: nobody does that. */
  readonly unit: string | undefined;
  /** TrustedUserCAKeys, as `ca trust` writes it: follows the User CA of the server through its rotations. */
  readonly userCaFile: string;
}

export interface RenewPorts {
  readonly run: typeof runProgram;
  /** `SHA256:…` of the CAs that this host trusts. */
  readonly trustedCas: () => Promise<CaResult<readonly string[]>>;
  readonly say: (line: string) => void;
  readonly now: () => number;
}

/**
 * Renews what is due, and lets sshd know. One that cannot be renewed does not keep the others from it. If sshd cannot be
 * told, the certificates are put back, so that the next run tries again instead of finding nothing due.
 *
 * Before that it tells the server which CAs this host trusts, and so hears of a rotation.
 */
export async function renewAll(plan: RenewPlan, ports: RenewPorts): Promise<CaResult<void>> {
  const { files, all, unit } = plan;
  const replaced: Held[] = [];
  const failures: Exclude<CaResult<void>, { kind: 'done' }>[] = [];
  const hostCa = await report(plan, ports);
  const isWanted = (held: Held): boolean =>
    all || isDue(held, ports.now()) || (hostCa !== undefined && fingerprintOf(held.certificate.caKey) !== hostCa);
  for (const file of files) {
    const result = await renewOne(plan.server, file, isWanted, ports);
    if (result.kind !== 'done') failures.push(result);
    else if (result.value !== undefined) replaced.push(result.value);
  }
  const reloaded = replaced.length === 0 ? done(undefined) : await reload(unit, replaced, ports);
  const [failure] = failures;
  for (const other of failures.slice(1)) ports.say(other.text);
  return reloaded.kind === 'done' ? (failure ?? reloaded) : reloaded;
}

/**
 * A server that hears nothing, or has nothing to say, keeps nobody from renewing.
 *
 * @returns `SHA256:…` of the Host CA that signs now
 */
async function report({ server, files, userCaFile }: RenewPlan, ports: RenewPorts): Promise<string | undefined> {
  const held = files.map(heldCertificate).find(one => one.kind === 'done');
  if (held === undefined) return undefined;
  const trusts = await ports.trustedCas();
  const told = trusts.kind === 'done' ? await reportToServer(server, held.value, trusts.value) : trusts;
  if (told.kind !== 'done') {
    ports.say(`the server was not told which CAs this host trusts: ${told.text}`);
    return undefined;
  }
  const taken = takeOverUserCas(userCaFile, told.value);
  if (taken.kind !== 'done') ports.say(taken.text);
  else if (taken.value) {
    ports.say(`${userCaFile}: trusts the User CAs of the server, which have changed`);
    const after = await ports.trustedCas();
    if (after.kind === 'done') await reportToServer(server, held.value, after.value); // or else tomorrow
  }
  return told.value.hostCa === '' ? undefined : told.value.hostCa;
}

/** @returns what was there before, if there is another now */
async function renewOne(
  server: RenewalServer,
  file: string,
  isWanted: (held: Held) => boolean,
  { say, now }: RenewPorts,
): Promise<CaResult<Held | undefined>> {
  const held = heldCertificate(file);
  if (held.kind !== 'done') return held;
  if (!isWanted(held.value)) {
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
