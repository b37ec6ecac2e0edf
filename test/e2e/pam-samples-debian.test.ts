/** pam/samples/debian: sudo, su and login, with the rest of PAM as this Debian ships it. */
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { startDevice } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import {
  asksCode,
  asksPassword,
  asksWhilePushing,
  atTerminal,
  installLines,
  linesOf,
  readSample,
  readShipped,
} from '../helpers/e2e/pam-samples.ts';
import { password, startSamplesSite } from '../helpers/e2e/pam-samples-site.ts';
import { callers, passwordStories, services } from './pam-password-stories.ts';

const { site, wiretap } = await startSamplesSite(t, [...callers, 'alice']);
const { alice } = site.members;
writeFileSync('/etc/sudoers', 'Defaults passwd_tries=1\nALL ALL=(ALL) ALL\n', { mode: 0o440 });

t.test('the lines are those that the distribution ships, and ours', async t => {
  for (const service of services) {
    const shipped = readShipped('debian', service);
    const sample = readSample('debian', service);
    const others = linesOf(sample).filter(line => !line.includes('pam_trasa.so'));
    t.strictSame(others, linesOf(shipped), service);
    installLines(service, sample, shipped);
  }
  installLines('sudo-i', readSample('debian', 'sudo'), readShipped('debian', 'sudo-i'));
});

passwordStories({ site, wiretap }, { afterWrongPassword: 'nothing', push: services });

t.test('sudo within the validity of its time stamp asks nobody, with -n too', async t => {
  const terminal = atTerminal('alice', 'sh', '-c', 'sudo id -u && sudo -n echo again $(id -un)');
  await terminal.expect(asksPassword);
  terminal.send(`${password}\r`);
  await terminal.expect(asksCode);
  terminal.send(`${alice.code()}\r`);
  await terminal.expect(/^0\r$/m);
  await terminal.expect(/^again alice\r$/m);
  t.match(await terminal.ended(), { exitCode: 0 });
  t.equal(site.daemon.audit().filter(line => line['account'] === 'alice').length, 1);
  const without = await run([
    'setpriv',
    '--reuid=by-sudo',
    '--regid=by-sudo',
    '--init-groups',
    'sudo',
    '-n',
    'id',
    '-u',
  ]);
  t.match(without, { status: 1, stdout: '', stderr: /a password is required/ });
});

t.test('root becomes anybody without being asked', async t => {
  const before = site.daemon.audit().length;
  t.match(await run(['su', 'alice', '-c', 'id -un']), { status: 0, stdout: 'alice\n', stderr: '' });
  t.match(await run(['su', '-', 'alice', '-c', 'id -un']), { status: 0, stdout: 'alice\n', stderr: '' });
  t.equal(site.daemon.audit().length, before);
});

t.test('su to somebody else takes their password and their second factor', async t => {
  const device = startDevice(alice.device, ['--yes', '--once']);
  await device.printed(/Waiting for pushes/);
  const terminal = atTerminal('by-su', 'su', 'alice', '-c', 'id -un');
  await terminal.expect(asksPassword);
  terminal.send(`${password}\r`);
  await terminal.expect(asksCode);
  terminal.send('\r');
  await terminal.expect(asksWhilePushing);
  terminal.send('\r');
  await terminal.expect(/^alice\r$/m);
  await terminal.ended();
  await device.finished;
  const line = await site.daemon.audited(line => line['account'] === 'alice' && line['service'] === 'su');
  t.match(line, { decision: 'allow', factor: 'push' });
});
