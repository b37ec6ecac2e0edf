import { chmodSync } from 'node:fs';
import t from 'tap';
import { type Authority, openAuthority } from '../../src/ca/authority.ts';
import { caStatus } from '../../src/ca/ca-status.ts';
import { signHostKey } from '../../src/ca/host-certificate.ts';
import { finishRotation, startRotation } from '../../src/ca/rotation.ts';
import { newPair } from '../ssh/authority.ts';
import { cost, issuerOf, newAuthority, newDirectory, passphrase, valueOf } from './ca.ts';

const now = Date.now();
const day = 86_400_000;

async function certify(authority: Authority, name: string, days: number): Promise<void> {
  const issuer = await issuerOf(authority, 'host');
  valueOf(await signHostKey(issuer, newPair().key, [name], days * 86_400, now));
}

t.test('rotations, and what ends, are told', async t => {
  const authority = await newAuthority();
  await certify(authority, 'web1', 10);
  await certify(authority, 'web2', 100);
  const { directory } = authority;
  const status = (at: number): string => {
    const { isWell, lines } = caStatus(directory, at);
    return [isWell ? 'well' : 'not well', ...lines].join('\n');
  };
  t.match(status(now), /^well\nuser CA SHA256:\S+ signs since \d{4}-\d\d-\d\d\nhost CA SHA256:\S+ signs since \S+$/);
  t.match(status(now + 8 * day), /^well\n.*\n.*\nthe certificate of host web1 ends in 1 days, and is to be renewed$/);
  t.match(status(now + 11 * day), /^not well\n.*\n.*\nthe certificate of host web1 has ended/);
  t.notMatch(status(now + 50 * day), /web1/, 'a host that is gone');
  t.match(status(now + 6 * 365 * day), /user CA .* more than 5 years ago: rotate it/);

  valueOf(await startRotation(authority, 'user', 'ed25519', passphrase, cost));
  valueOf(await startRotation(authority, 'host', 'ed25519', passphrase, cost));
  authority.close();
  t.match(
    status(now),
    /\nuser CA \S+ is next: missed, or may be, by web1, web2\nhost CA \S+ signs .*\nhost CA \S+ is next: no host that is known misses it$/,
  );
  const reopened = valueOf(openAuthority(directory));
  valueOf(finishRotation(reopened, 'host', now));
  reopened.close();
  t.match(status(now), /\nhost CA SHA256:\S+ is retired, and has to be trusted for 100 more days$/);
  t.match(status(now + 101 * day), /is retired, and nothing that it signed is left: no host need trust it/);
});

t.test('one that is not in order is not well', async t => {
  const authority = await newAuthority();
  authority.close();
  chmodSync(authority.directory, 0o755);
  t.match(caStatus(authority.directory, now), { isWell: false, lines: [/can be entered by others/] });
  t.match(caStatus(newDirectory(), now), { isWell: false, lines: [/does not exist/] });
});
