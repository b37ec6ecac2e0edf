import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { hostBundle, writeHostBundle } from '../../src/ca/host-bundle.ts';
import { fingerprintOf } from '../../src/ca/issue.ts';
import { zip } from '../../src/ca/zip.ts';
import { publicKeyLine } from '../../src/ssh/key-line.ts';
import { noon } from '../ssh/authority.ts';
import { describe, folder, keygen, keyIn } from '../ssh/openssh.ts';
import { issuerOf, newAuthority, valueOf } from './ca.ts';

const authority = await newAuthority(['host']);
t.teardown(() => authority.close());
const issuer = await issuerOf(authority, 'host');
const names = ['web1.example.com', '10.0.0.5'];

for (const [type, file, more] of [
  ['rsa', 'id_rsa', []],
  ['ed25519', 'ssh_host_ed25519_key', ['sshd_config.d/trasa-host-certificate.conf']],
] as const)
  t.test(`unzip finds a key of ${type}, its public half and its certificate, with their modes`, async t => {
    const here = folder();
    const path = join(here, 'server-certs.zip');
    valueOf(await writeHostBundle(path, issuer, names, type, 30 * 86_400, noon));
    t.equal(statSync(path).mode & 0o777, 0o600);
    t.strictSame(list(path), [file, `${file}.pub`, `${file}-cert.pub`, ...more]);
    execFileSync('unzip', ['-q', path, '-d', here]);
    t.equal(statSync(join(here, file)).mode & 0o777, 0o600);
    t.equal(statSync(join(here, `${file}.pub`)).mode & 0o777, 0o644);
    const key = keyIn(join(here, `${file}.pub`));
    t.equal(keygen('-y', '-f', join(here, file)).trim(), publicKeyLine(key, 'web1.example.com'));
    t.match(describe(join(here, `${file}-cert.pub`)), {
      type: /host certificate$/,
      keyFingerprint: fingerprintOf(key),
      principals: names,
      valid: 'from 2026-06-15T11:59:00 to 2026-07-15T12:00:00',
    });
    for (const name of more)
      t.equal(
        readFileSync(join(here, name), 'utf8'),
        `HostKey /etc/ssh/${file}\nHostCertificate /etc/ssh/${file}-cert.pub\n`,
      );
  });

t.test('an archive that is there is not overwritten, and one that cannot be filled is not left behind', async t => {
  const here = folder();
  const path = join(here, 'a.zip');
  writeFileSync(path, 'mine');
  t.match(await writeHostBundle(path, issuer, names, 'ed25519', 60, noon), {
    kind: 'refused',
    text: /is there already, and stays/,
  });
  t.equal(readFileSync(path, 'utf8'), 'mine');
  const other = join(here, 'b.zip');
  t.match(await writeHostBundle(other, issuer, ['*'], 'ed25519', 60, noon), {
    kind: 'refused',
    text: /not the name of a host/,
  });
  t.notOk(existsSync(other));
  const nowhere = join(here, 'none/c.zip');
  t.match(await writeHostBundle(nowhere, issuer, names, 'ed25519', 60, noon), { kind: 'refused', text: /ENOENT/ });
  t.strictSame(readdirSync(here), ['a.zip']);
  t.match(await hostBundle(issuer, [], 'ed25519', 60, noon), { kind: 'refused' });
});

t.test('an archive is sound, empty files and all', t => {
  const path = join(folder(), 'odd.zip');
  const entries = [
    { name: 'empty', content: Buffer.alloc(0), mode: 0o600 },
    { name: 'bytes', content: Buffer.from(Array.from({ length: 70_000 }, (_, i) => i & 255)), mode: 0o755 },
  ];
  writeFileSync(path, zip(entries, new Date(noon)));
  t.match(execFileSync('unzip', ['-t', path], { encoding: 'utf8' }), /No errors detected/);
  t.strictSame(execFileSync('unzip', ['-p', path, 'bytes']), entries[1]?.content);
  t.match(execFileSync('unzip', ['-Z', '-T', path], { encoding: 'utf8' }), /-rwxr-xr-x .* 20260615\.120000 bytes/);
  t.end();
});

function list(path: string): string[] {
  return execFileSync('unzip', ['-Z1', path], { encoding: 'utf8' }).trim().split('\n');
}
