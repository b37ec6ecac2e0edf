/** A host that comes from TRASA's own module: its file, its module's name in pam.d, its words. */
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { configFile, startDaemon } from '../helpers/e2e/agent.ts';
import { keyThenPam, module, needsDoor, sshAsking, startPamSshd, writeStack } from '../helpers/e2e/pam.ts';
import { installModule, securityFolder } from '../helpers/e2e/pam-samples.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { startSite } from '../helpers/e2e/site.ts';
import { authorize } from '../helpers/e2e/users.ts';

needsDoor(t, module);
privateHost(t);
installModule();
symlinkSync('pam_trasa.so', join(securityFolder(), 'trasapam.so'));
const site = await startSite(['alice']);
const { alice } = site.members;
const sshd = await startPamSshd({ extraConfig: keyThenPam });
authorize(alice.user, sshd.publicKey);
await site.daemon.stop();
rmSync(configFile);
const ofSite = (name: string): string => new RegExp(`^${name} = .*$`, 'm').exec(site.config)?.[0] ?? '';
// As the original installs it, but for the values.
const original = `[trasaPAM]
${ofSite('trasaServerURL')}
${ofSite('serviceID')}
${ofSite('serviceKey')}
offlineUsers = ""
insecureSkipVerify = true
debug = false
`;
const daemon = await startDaemon(original, '/etc/trasa/config/trasapam.toml');
t.teardown(async () => {
  await sshd.stop();
  await daemon.stop();
  await site.stop();
});
writeStack('sshd', { auth: ['required trasapam.so prompt=trasa'] });

const asksID = /Enter your TRASA ID \(email or username\): $/;
const asksTotp = /Enter your totp code \(submit empty for U2F\): $/;

t.test('it asks for the TRASA ID, then for a code, and opens', async t => {
  const terminal = sshAsking(sshd, 'alice', ['id -un']);
  await terminal.expect(asksID);
  terminal.send(`${alice.email}\r`);
  await terminal.expect(asksTotp);
  terminal.send(`${alice.code()}\r`);
  await terminal.expect(/^alice\r$/m);
  t.match(await terminal.ended(), { exitCode: 0 });
  const line = await daemon.audited(line => line['event'] === 'decision');
  t.match(line, { decision: 'allow', factor: 'totp', account: 'alice', person: alice.email });
});

t.test('a wrong code does not', async t => {
  const terminal = sshAsking(sshd, 'alice', ['id -un']);
  await terminal.expect(asksID);
  terminal.send(`${alice.email}\r`);
  await terminal.expect(asksTotp);
  terminal.send(`${alice.wrongCode()}\r`);
  await terminal.expect(/Wrong code/);
  terminal.hangUp();
  await terminal.ended();
  t.match(await daemon.audited(line => line['event'] === 'decision'), { decision: 'deny', account: 'alice' });
});
