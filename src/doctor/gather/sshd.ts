import type { MatchLines, MatchSample } from '../../system/sshd-match.ts';
import {
  type Connection,
  effectiveSettings,
  type SshdProgram,
  sshdVersion,
  validateSshd,
} from '../../system/sshd-settings.ts';
import type { AccountFacts, Probe, SshdFacts } from '../facts.ts';

/** Addresses for documentation (RFC 5737): from nowhere in particular. */
const ordinary = { host: 'client.invalid', address: '192.0.2.2', localAddress: '192.0.2.1', localPort: 22 };
/** Each is one run of sshd, of some 20 ms. */
const maxProbes = 256;

/** Asks sshd about every account, from nowhere in particular and as each Match line wants it. */
export async function gatherSshd(
  sshd: SshdProgram,
  accounts: readonly AccountFacts[],
  { samples, placesOf }: MatchLines,
): Promise<SshdFacts> {
  const valid = await validateSshd(sshd);
  if (valid.kind === 'failed') return { kind: 'refused', why: valid.why };
  const version = await sshdVersion(sshd);
  const probes: Probe[] = [];
  const existing = accounts.filter(({ user }) => user !== undefined);
  for (const sample of [undefined, ...samples])
    for (const account of existing.slice(0, Math.max(0, maxProbes - probes.length))) {
      const connection = connectionOf(account.name, sample);
      // one after the other: the host has other things to do
      const settings = await effectiveSettings(sshd, connection);
      probes.push({ account, connection, origin: originOf(sample), settings });
    }
  return { kind: 'present', version: version.kind === 'answered' ? version.answer : undefined, probes, placesOf };
}

function connectionOf(user: string, sample: Partial<MatchSample> = {}): Connection {
  const { host, address, localAddress, localPort } = { ...ordinary, ...sample };
  return { user, host, address, localAddress, localPort };
}

function originOf(sample: MatchSample | undefined): string {
  if (sample === undefined) return '';
  const { host, address, localAddress, localPort, place } = sample;
  const from = [host, address].filter(one => one !== undefined).join(' ');
  const to = [localAddress, localPort].filter(one => one !== undefined).join(' port ');
  const words = [from === '' ? '' : `from ${from}`, to === '' ? '' : `to ${to}`, `(${place})`];
  return words.filter(word => word !== '').join(' ');
}
