/** Keys of every type that people have, by OpenSSH: each is a first factor by the signatures of today, and no other. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { usualGrant } from '../../src/policy/grant.ts';
import { startGrantedSite } from '../helpers/e2e/granted.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { fingerprint } from '../helpers/e2e/sshd.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';

privateHost(t);
// The key alone is enough, so that nothing else is tried here.
const site = await startGrantedSite(t, {
  grantFor: () => ({ ...usualGrant(false), rule: 'key', secondFactor: 'not-required' }),
});

const types = { ed25519: [], rsa: ['-b', '2048'], 'ecdsa-256': [], 'ecdsa-384': [], 'ecdsa-521': [] } as const;
const keys = Object.entries(types).map(([name, words]) => {
  const file = join('/root', name);
  const [type = '', bits] = name.split('-');
  const size = bits === undefined ? words : ['-b', bits];
  execFileSync('ssh-keygen', ['-q', '-t', type, ...size, '-N', '', '-f', file]);
  return { name, file, print: fingerprint(readFileSync(`${file}.pub`, 'utf8')) };
});
const registered = new Map(keys.map(({ print }) => [print, 'alice@example.com']));
await site.proxy.reload({ keys: registered });

for (const { name, file, print } of keys)
  t.test(`a key of type ${name}`, async t => {
    t.match(await by(file), { status: 0, stdout: 'alice\n' });
    t.match(
      site.proxy.lines.findLast(line => line['event'] === 'decision'),
      { decision: 'bypass', person: 'alice@example.com', key: print },
    );
  });

t.test('RSA: by SHA-256 as well, and never by SHA-1', async t => {
  const decisions = (): number => site.proxy.lines.filter(line => line['event'] === 'decision').length;
  t.match(await by('/root/rsa', 'rsa-sha2-256'), { status: 0, stdout: 'alice\n' });
  const before = decisions();
  t.match(await by('/root/rsa', 'ssh-rsa'), { status: 255, stdout: '' });
  t.equal(decisions(), before);
});

t.test('a key that is registered no more', async t => {
  await site.proxy.reload({ keys: new Map([...registered].slice(1)) });
  t.match(await by('/root/ed25519'), { status: 255, stdout: '', stderr: /Permission denied/ });
  t.match(await by('/root/rsa'), { status: 0, stdout: 'alice\n' });
});

t.test('a terminal that is asked for ends lines as terminals do; what runs without one does not', async t => {
  const words = ['ssh', '-F', site.config, '-i', '/root/rsa', 'real'] as const;
  const asked = new Terminal([
    'script',
    '-qec',
    `${words.join(' ')} -tt 'echo one; tty -s && echo two' | od -c`,
    '/dev/null',
  ]);
  await asked.expect(/o {3}n {3}e {2}\\r {2}\\n {3}t {3}w {3}o {2}\\r {2}\\n/);
  await asked.ended();
  t.match(await site.ssh(['-i', '/root/rsa', '-T', 'real', 'echo one; tty -s || echo two']), { stdout: 'one\ntwo\n' });
});

async function by(file: string, algorithm?: string) {
  const only = algorithm === undefined ? [] : ['-o', `PubkeyAcceptedAlgorithms=${algorithm}`];
  return await site.ssh(['-o', 'BatchMode=yes', '-i', file, ...only, 'real', 'id -un']);
}
