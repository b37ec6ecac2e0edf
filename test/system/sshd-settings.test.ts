/** What sshd says of itself, on a private host. */
import { writeFileSync } from 'node:fs';
import t from 'tap';
import {
  type Connection,
  effectiveSettings,
  parseSettings,
  sshdVersion,
  usualSshd,
  validateSshd,
} from '../../src/system/sshd-settings.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';

privateHost(t);

const configFile = '/etc/ssh/trial_config';
const sshd = { ...usualSshd, configFile };
const connection: Connection = {
  user: 'root',
  host: 'client.example',
  address: '192.0.2.7',
  localAddress: '192.0.2.1',
  localPort: 22,
};

t.test('the settings of a connection are those of the Match block that it matches', async t => {
  writeFileSync(
    configFile,
    `AcceptEnv LANG LC_*
AuthenticationMethods publickey,keyboard-interactive:pam
Match User root LocalPort 22 LocalAddress 192.0.2.1
  ForceCommand exec /bin/agent login
Match Address 198.51.100.0/24
  AuthenticationMethods publickey
`,
  );
  const here = await effectiveSettings(sshd, connection);
  if (here.kind === 'failed') throw new Error(here.why);
  t.equal(here.answer.first('forcecommand'), 'exec /bin/agent login');
  t.equal(here.answer.first('authenticationmethods'), 'publickey,keyboard-interactive:pam');
  t.strictSame(here.answer.all('acceptenv'), ['LANG', 'LC_*']);
  t.equal(here.answer.first('nosuchsetting'), undefined);
  t.strictSame(here.answer.all('nosuchsetting'), []);
  const there = await effectiveSettings(sshd, { ...connection, user: 'daemon', address: '198.51.100.9' });
  t.match(there, { kind: 'answered' });
  t.equal(there.kind === 'answered' && there.answer.first('authenticationmethods'), 'publickey');
  t.equal(there.kind === 'answered' && there.answer.first('forcecommand'), 'none');
});

t.test('a configuration that sshd refuses fails in its words', async t => {
  writeFileSync(configFile, 'UsePAM perhaps\n');
  const why = /trial_config.*line 1.*perhaps/;
  t.match(await validateSshd(sshd), { kind: 'failed', why });
  t.match(await effectiveSettings(sshd, connection), { kind: 'failed', why });
});

t.test('one that it takes is valid', async t => {
  writeFileSync(configFile, 'UsePAM yes\n');
  t.strictSame(await validateSshd(sshd), { kind: 'answered', answer: true });
});

t.test('sshd says its version', async t => {
  const version = await sshdVersion(usualSshd);
  t.match(version, { kind: 'answered', answer: { text: /^OpenSSH_\d/ } });
  t.ok(version.kind === 'answered' && version.answer.major >= 8);
});

t.test('no sshd, another program, and a name that would change the question, fail', async t => {
  t.match(await sshdVersion({ program: '/nonexistent' }), { kind: 'failed', why: '/nonexistent is not there' });
  t.match(await sshdVersion({ program: '/bin/echo' }), { kind: 'failed', why: /says no version/ });
  for (const user of ['', 'root,addr=127.0.0.1', 'a b', 'a\nb'])
    t.match(await effectiveSettings(sshd, { ...connection, user }), { kind: 'failed' }, user);
});

t.test('settings are read as sshd -T prints them', async t => {
  const settings = parseSettings('setenv A=1\nsetenv B=2 3\nbad line!\n\nversionaddendum none\n');
  t.strictSame(settings.all('setenv'), ['A=1', 'B=2 3']);
  t.equal(settings.first('setenv'), 'A=1');
  t.equal(settings.first('versionaddendum'), 'none');
});
