/** Clients that are not OpenSSH's, and Ansible, log in by key alone: each waits for one push and shows nothing of it. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startDevice } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { type Command, clientsFor, skipCurl } from '../helpers/e2e/clients.ts';
import { module, needsDoor, waitingLogins, writeStack } from '../helpers/e2e/pam.ts';
import { startPamSite } from '../helpers/e2e/pam-site.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { until } from '../helpers/e2e/until.ts';

needsDoor(t, module);
privateHost(t);
writeStack('sshd', { account: module.account });
const refused = ['plink', 'pscp', 'dbclient', 'paramiko', 'curl', 'ansible'] as const;
const { site, wiretap, sshd } = await startPamSite(t, ['alice', ...refused]);
const clients = clientsFor(sshd);
const device = startDevice(site.members.alice.device, ['--yes']);
t.teardown(async () => void (await device.stop()));
await device.printed(/Waiting for pushes/);

const here = '/root/transfer';
mkdirSync(here);
const sent = randomBytes(1_000_000);
writeFileSync(join(here, 'sent'), sent);
const isWhole = (path: string): boolean => existsSync(path) && readFileSync(path).equals(sent);
const arrived = (name: string): boolean => isWhole(join('/home/alice', name));
const returned = (name: string): boolean => isWhole(join(here, name));

const counted = async (command: Command) => await wiretap.counted(async () => await run(command));
const clean = { status: 0, stdout: '', stderr: '', pushes: 1 };
const words = ['echo in; exit 7'];
const ran = { status: 7, stdout: 'in\n', stderr: '', pushes: 1 };
const decisionOn = async (account: string) => await site.daemon.audited(line => line['account'] === account);
const allowed = { decision: 'allow', reason: 'push', factor: 'push', door: 'pam', person: 'alice@example.com' };

t.test('plink runs a command, pscp copies', async t => {
  t.hasStrict(await counted(clients.plink('alice', words)), ran);
  t.match(await decisionOn('alice'), allowed);
  t.hasStrict(await counted(clients.pscp(join(here, 'sent'), 'alice@127.0.0.1:by-pscp')), clean);
  t.ok(arrived('by-pscp'));
  t.hasStrict(await counted(clients.pscp('alice@127.0.0.1:by-pscp', join(here, 'by-pscp'))), clean);
  t.ok(returned('by-pscp'));
});

t.test('dbclient runs a command; what PAM told is a banner for it', async t => {
  const { stderr, ...rest } = await counted(clients.dbclient('alice', words));
  t.hasStrict({ ...rest, stderr: '' }, ran);
  t.match(stderr, /^Push sent\. Waiting for you to approve it on your device, where it shows the number \d\d\.\n\n$/);
  t.hasStrict(await counted(clients.dbclient('alice', words, ['-q'])), ran, 'which -q leaves out');
  t.match(await decisionOn('alice'), allowed);
});

t.test('paramiko copies there and back and runs a command, all with one push', async t => {
  const copies = ['--put', join(here, 'sent'), 'by-paramiko', '--get', 'by-paramiko', join(here, 'by-paramiko')];
  t.hasStrict(await counted(clients.paramiko('alice', [...copies, '--run', ...words])), ran);
  t.ok(arrived('by-paramiko'));
  t.ok(returned('by-paramiko'));
  t.match(await decisionOn('alice'), allowed);
});

t.test('curl copies there and back with libssh2', { skip: skipCurl() }, async t => {
  t.hasStrict(await counted(clients.curl('alice', 'by-curl', ['--upload-file', join(here, 'sent')])), clean);
  t.ok(arrived('by-curl'));
  t.hasStrict(await counted(clients.curl('alice', 'by-curl', ['--output', join(here, 'by-curl')])), clean);
  t.ok(returned('by-curl'));
  t.match(await decisionOn('alice'), allowed);
});

t.test('Ansible needs one push for as long as its connection persists', async t => {
  const ping = await counted(clients.ansible('alice', ['-m', 'ping']));
  t.match(ping, { status: 0, stdout: /^target \| SUCCESS => \{[^{}]*"ping": "pong"\n\}\n$/, stderr: '', pushes: 1 });
  const copy = ['-m', 'copy', '-a', `src=${here}/sent dest=by-ansible`];
  for (const change of ['CHANGED', 'SUCCESS'])
    t.match(await counted(clients.ansible('alice', copy)), {
      status: 0,
      stdout: new RegExp(`^target \\| ${change} => \\{`),
      stderr: '',
      pushes: 0,
    });
  t.ok(arrived('by-ansible'));
  t.equal(clients.endAnsible(), 1);
  t.match(await decisionOn('alice'), allowed);
});

const closed = /Remote side unexpectedly closed network connection/;
const told = /The login was refused on your device\./;
const failures: Record<(typeof refused)[number], { command: Command; status: number; says: RegExp }> = {
  plink: { command: clients.plink('plink', words), status: 1, says: closed },
  pscp: { command: clients.pscp(join(here, 'sent'), 'pscp@127.0.0.1:x'), status: 1, says: closed },
  dbclient: { command: clients.dbclient('dbclient', words), status: 1, says: told },
  paramiko: {
    command: clients.paramiko('paramiko', ['--run', ...words]),
    status: 1,
    says: /AuthenticationException: Authentication failed/,
  },
  curl: { command: clients.curl('curl', '.bashrc', []), status: 67, says: /Authentication failure/ },
  ansible: { command: clients.ansible('ansible', ['-m', 'ping']), status: 4, says: told },
};

for (const [client, { command, status, says }] of Object.entries(failures)) {
  const options = { skip: client === 'curl' && skipCurl() };
  t.test(`${client} ends when the push is refused, by its own words, and does not try again`, options, async t => {
    const { device } = site.members[client as keyof typeof failures];
    const phone = startDevice(device, ['--no', '--once']);
    await phone.printed(/Waiting for pushes/);
    const { stdout, stderr, ...rest } = await counted(command);
    t.match(rest, { status, pushes: 1 });
    t.match(stdout + stderr, says);
    t.notMatch(stdout, /^(?:in|.*bashrc.*)$/m);
    await phone.finished;
    t.match(await decisionOn(client), { decision: 'deny', reason: 'push-refused', door: 'pam' });
    t.equal(site.daemon.audit().filter(line => line['account'] === client).length, 1);
    await sshd.process.printed(new RegExp(`Access denied for user ${client} by PAM account configuration`));
  });
}

t.test('no login is left waiting', async t => {
  await until('no process of a login', () => waitingLogins().length === 0);
  t.notOk(existsSync('/home/pscp/x'));
});
