/** pam/samples/rhel-9: sudo, su and login, with RHEL 9's files over this host's Linux-PAM. */
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import {
  asksPassword,
  atTerminal,
  installLines,
  installRhel9,
  linesOf,
  readSample,
  readShipped,
} from '../helpers/e2e/pam-samples.ts';
import { password, startSamplesSite } from '../helpers/e2e/pam-samples-site.ts';
import { callers, passwordStories, services } from './pam-password-stories.ts';

const { site, wiretap } = await startSamplesSite(t, [...callers, 'alice']);
installRhel9();
writeFileSync('/etc/sudoers', 'Defaults passwd_tries=1\nALL ALL=(ALL) ALL\n', { mode: 0o440 });

t.test('the lines are those that the distribution ships, and ours', async t => {
  for (const service of services) {
    const shipped = readShipped('rhel-9', service);
    const sample = readSample('rhel-9', service);
    const others = linesOf(sample).filter(line => !line.includes('pam_trasa.so'));
    // But for one word in sudo's, which its comment explains.
    const reachable = linesOf(shipped).map(line =>
      line.replace('auth include system-auth', 'auth substack system-auth'),
    );
    t.strictSame(others, reachable, service);
    installLines(service, sample, shipped);
  }
});

passwordStories({ site, wiretap }, { afterWrongPassword: 'a code in vain', push: ['sudo', 'su'] });

t.test('root becomes anybody without being asked', async t => {
  const before = site.daemon.audit().length;
  t.match(await run(['su', 'alice', '-c', 'id -un']), { status: 0, stdout: 'alice\n', stderr: '' });
  t.equal(site.daemon.audit().length, before);
});

t.test('su to somebody else takes their password and a code of theirs', async t => {
  const terminal = atTerminal('by-su', 'su', 'alice', '-c', 'id -un');
  await terminal.expect(asksPassword);
  terminal.send(`${password}\r`);
  await terminal.expect(/Code: $/);
  terminal.send(`${site.members.alice.code()}\r`);
  await terminal.expect(/^alice\r$/m);
  t.match(await terminal.ended(), { exitCode: 0 });
});
