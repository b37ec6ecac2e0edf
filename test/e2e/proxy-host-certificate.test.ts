/** The proxy's own host certificate: clients that trust the Host CA need not know its key; one that has ended is not shown. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { answering, startProxySite, stateDirectory } from '../helpers/e2e/proxy.ts';
import { makeKey } from '../helpers/e2e/sshd.ts';

privateHost(t);

const site = await startProxySite(['alice']);
t.teardown(async () => await site.stop());
const hostCa = makeKey('/root', 'host-ca');
const hostKey = `${stateDirectory}/ssh_host_ed25519_key`;
writeFileSync('/root/by-ca', `@cert-authority proxy.example.com ${readFileSync(`${hostCa}.pub`, 'utf8')}`);

function certify(...words: readonly string[]): void {
  const flags = ['-q', '-s', hostCa, '-h', '-I', 'proxy', '-n', 'proxy.example.com', ...words];
  execFileSync('ssh-keygen', [...flags, `${hostKey}.pub`]);
}

/** As one who knows the CA and no key. */
function knowingTheCa(): string[] {
  const known = ['-o', 'UserKnownHostsFile=/root/by-ca', '-o', 'HostKeyAlias=proxy.example.com'];
  return [...known, ...site.proxy.flags(site.keys.alice)];
}

t.test('a client that trusts the CA connects without a question', async t => {
  t.match(await run(['ssh', ...knowingTheCa(), 'alice@web1@proxy', 'true']), {
    status: 255,
    stderr: /Host key verification failed|No .* host key is known/,
  });
  certify('-V', '-5m:+1h');
  await site.restart();
  const code = site.members.alice.code();
  const done = await answering(['ssh', ...knowingTheCa(), 'alice@web1@proxy', 'id -un'], { OTP: code });
  t.match(done, { status: 0, stdout: 'alice\n' });
  t.match(await run(['ssh', ...site.proxy.flags(site.keys.alice), 'alice@web1@proxy', 'id -un']), {
    stdout: 'alice\n',
  });
});

t.test('one that has ended, is of another key or no host certificate is not shown, and the log says so', async t => {
  const trouble = async (): Promise<string> => {
    await site.restart();
    const known = ['ssh', ...site.proxy.flags(site.keys.alice), 'alice@web1@proxy', 'id -un'] as const;
    t.match(await run(known), { status: 0, stdout: 'alice\n' }, 'who knows the key still gets in');
    t.match(await run(['ssh', ...knowingTheCa(), 'alice@web1@proxy', 'true']), { status: 255 });
    return String(site.proxy.lines().find(({ level }) => level === 'warning')?.['text']);
  };
  certify('-V', '-2h:-1h');
  t.match(await trouble(), /ssh_host_ed25519_key-cert\.pub: has ended/);
  execFileSync('ssh-keygen', ['-q', '-s', hostCa, '-I', 'proxy', '-n', 'proxy.example.com', `${hostKey}.pub`]);
  t.match(await trouble(), /ssh_host_ed25519_key-cert\.pub: is no host's certificate/);
  const other = makeKey('/root', 'other');
  execFileSync('ssh-keygen', ['-q', '-s', hostCa, '-h', '-I', 'proxy', '-n', 'proxy.example.com', `${other}.pub`]);
  writeFileSync(`${hostKey}-cert.pub`, readFileSync(`${other}-cert.pub`));
  t.match(await trouble(), /ssh_host_ed25519_key-cert\.pub: certifies another key/);
  writeFileSync(`${hostKey}-cert.pub`, 'not a certificate\n');
  t.match(await trouble(), /ssh_host_ed25519_key-cert\.pub: /);
  rmSync(`${hostKey}-cert.pub`);
});
