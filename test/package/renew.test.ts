/** trasa-renew.service under systemd, as confined as it is: the host's certificate is renewed, and sshd shows it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { until } from '../helpers/e2e/until.ts';
import { bootedHost } from '../helpers/package/booted-host.ts';
import { apt, repository, useRepository } from '../helpers/package/repository.ts';
import { must, startServer } from '../helpers/package/site.ts';

t.setTimeout(600_000);
bootedHost(t);

const key = '/etc/ssh/ssh_host_ed25519_key';
const certificate = `${key}-cert.pub`;
const asServer = ['setpriv', '--reuid=trasa-server', '--regid=trasa-server', '--clear-groups'] as const;
const ofServer = ['--ca=/var/lib/trasa-server/ca', '--master-key=/var/lib/trasa-server/master.key'];

async function ca(...words: readonly string[]): Promise<string> {
  return await must(...asServer, 'trasa-agent', 'ca', ...words);
}

async function shown(): Promise<string> {
  return (await run(['ssh-keyscan', '-c', '-t', 'ed25519', '127.0.0.1'])).stdout;
}

function blobIn(file: string): string {
  return readFileSync(file, 'utf8').split(' ')[1] ?? 'none';
}

t.test('the package brings the timer, and leaves it off', async t => {
  await useRepository(`file:${repository}`);
  await apt('install', 'trasa-agent');
  const units = ['trasa-renew.service', 'trasa-renew.timer'];
  t.match(await run(['systemd-analyze', 'verify', '--man=no', ...units]), { status: 0, stderr: '' });
  t.match(await run(['systemctl', 'is-enabled', 'trasa-renew.timer']), { stdout: 'disabled\n' });
  await must('systemctl', 'start', 'trasa-renew.service');
  t.equal(await must('systemctl', 'show', '--value', '--property=ConditionResult', 'trasa-renew.service'), 'no');
});

t.test('its service renews the certificate, and sshd shows the next one', async t => {
  const { url, pin } = await startServer();
  await ca('init', '--host', ...ofServer);
  writeFileSync('/root/first', await ca('host-cert', 'web1.example.com', '--key', `${key}.pub`, ...ofServer));
  await must('trasa-agent', 'ca', 'install-host', '/root/first');
  t.match(await shown(), blobIn('/root/first'), 'after install-host');
  await ca('rotate', 'start', 'host', ...ofServer);
  await ca('rotate', 'finish', 'host', ...ofServer.slice(0, 1));

  writeFileSync('/etc/default/trasa-renew', `OPTIONS=--url ${url} --pin ${pin} --all --reload ssh ${certificate}\n`);
  await must('systemctl', 'start', 'trasa-renew.service');
  t.not(blobIn(certificate), blobIn('/root/first'));
  await until('sshd to show it', async () => (await shown()).includes(blobIn(certificate)));
  t.match(await must('journalctl', '--no-pager', '--output=cat', '--unit=trasa-renew.service'), /renewed until 20/);

  t.match(await run(['systemctl', 'start', 'trasa-renew.service']), { status: 1 }, 'too early for another one');
  await must('systemctl', 'enable', '--now', 'trasa-renew.timer');
  t.equal(await must('systemctl', 'is-active', 'trasa-renew.timer'), 'active');
});

t.test('removal takes the units, and leaves sshd its certificate', async t => {
  await apt('remove', 'trasa-agent', 'libpam-trasa');
  t.notOk(existsSync('/lib/systemd/system/trasa-renew.timer'));
  t.match(await run(['systemctl', 'is-active', 'trasa-renew.timer']), { status: 3 });
  await must('systemctl', 'restart', 'ssh.service');
  t.match(await shown(), blobIn(certificate));
});
