/**
 * `npm run demo`: the product at work on loopback. Server, daemon and a throw-away sshd with one account, in a private
 * mount namespace (nothing of the machine changes); one login by code and one by push, as they happen; one through the access
 * proxy, played back from its recording, which is then verified; then it waits for your own, until Ctrl-C.
 * `npm run demo -- --once` stops after its own three, with status 0 if all went well.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { Secret } from '../src/otp/secret.ts';
import { totpAt } from '../src/otp/totp.ts';
import {
  addPerson,
  addService,
  command,
  configFor,
  enrolPush,
  type Server,
  type Service,
  startDaemon,
  startDevice,
  startServer,
} from '../test/helpers/e2e/agent.ts';
import { enterPrivateHost } from '../test/helpers/e2e/private-host.ts';
import { startProxyBehind } from '../test/helpers/e2e/proxy.ts';
import { sshTerminal } from '../test/helpers/e2e/ssh.ts';
import { makeKey, type Sshd, startSshd } from '../test/helpers/e2e/sshd.ts';
import { Terminal } from '../test/helpers/e2e/terminal.ts';
import { addUser, authorize } from '../test/helpers/e2e/users.ts';

const once = process.argv.includes('--once');
const account = 'demo';
const person = 'demo@example.com';

const reason = enterPrivateHost();
if (reason !== undefined) {
  console.error(`demo: ${reason}`);
  process.exit(1);
}

const outside = mkdtempSync(join(tmpdir(), 'trasa-demo-')); // what your own terminal must see: key, device
process.once('SIGINT', () => end(130)).once('SIGTERM', () => end(143));
try {
  await show();
  if (once) end(0);
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  end(1);
}

async function show(): Promise<void> {
  title('A TRASA-compatible server, a daemon that asks it, and an sshd that forces trasa-agent login');
  const server = await startServer();
  tell(`server   ${server.url}, its key is pinned: ${server.pin}`);
  const service = await addService('demo-host');
  await addPerson(person, 'demo-host', [account]);
  const daemon = await startDaemon(`${configFor(server, service)}\n[identity.people]\n${account} = "${person}"\n`);
  tell('daemon   /run/trasa-agent/agent.sock, its own user, the only one who holds the service key');
  const sshd = await startSshd();
  authorize(addUser({ name: account }), sshd.publicKey);
  tell(`sshd     127.0.0.1:${sshd.port}, account ${account} of ${person}`);

  title(`${person} enrols an authenticator (scan it, if you like)`);
  const enrolment = await command(['server', 'enrol', 'totp', person, '--no-confirm']);
  console.log(enrolment);
  const secret = new Secret(/^Secret: (\S+)$/m.exec(enrolment)?.[1] ?? '');
  const device = await enrolPush(person, server);

  title('A login by code');
  await loginByCode(sshd, secret);
  audit(await daemon.audited(line => line['event'] === 'decision'));

  title('A login by push');
  await loginByPush(sshd, device);
  audit(await daemon.audited(line => line['event'] === 'decision'));

  title('The same person through the access proxy: no key of theirs on the host, a certificate for this one login');
  await loginThroughProxy(server, service, device);
  if (!once) invite(sshd, device);
}

async function loginByCode(sshd: Sshd, secret: Secret): Promise<void> {
  const terminal = sshTerminal(sshd, account);
  await terminal.expect('Code, or Enter for push: ');
  const code = totpAt({ secret, algorithm: 'sha1', digits: 6, periodSeconds: 30 }, Date.now());
  terminal.send(`${code.expose()}\r`);
  await finishShell(terminal);
}

async function loginByPush(sshd: Sshd, deviceFile: string): Promise<void> {
  const device = startDevice(deviceFile, ['--yes', '--once']);
  await device.printed(/Waiting for pushes/);
  const terminal = sshTerminal(sshd, account);
  await terminal.expect('Code, or Enter for push: ');
  terminal.send('\r');
  await finishShell(terminal);
  const { stdout } = await device.finished;
  console.log(indented(`the device\n${stdout.trim()}`));
}

async function loginThroughProxy(server: Server, service: Service, deviceFile: string): Promise<void> {
  const key = makeKey(outside, 'proxy-key');
  const parties = { server, service, accounts: [account], people: [[`${key}.pub`, person]] } as const;
  const { proxy, upstream } = await startProxyBehind(parties, { service: 'record = true' });
  const device = startDevice(deviceFile, ['--yes', '--once']);
  await device.printed(/Waiting for pushes/);
  const terminal = new Terminal(['ssh', ...proxy.flags(key), `${account}@web1@proxy`]);
  await terminal.expect('Enter OTP(Blank for U2F): ');
  terminal.send('\r');
  await finishShell(terminal, `${account}@web1@proxy`);
  await device.finished;
  audit(await proxy.said(line => line['event'] === 'decision'));
  const { attempt } = await proxy.said(line => line['event'] === 'recording-sealed');
  const [, accepted = ''] = /(Accepted publickey for .*)/.exec(upstream.log()) ?? [];
  tell(`sshd     ${accepted}`);
  for (const words of [`play ${String(attempt)} --speed 0`, 'verify']) {
    const shown = await command(['proxy', 'recordings', ...words.split(' ')]);
    console.log(indented(`$ trasa-agent proxy recordings ${words}\n${shown.trim()}`));
  }
}

/** Says hello in the shell, leaves it, and shows what the person saw. */
async function finishShell(terminal: Terminal, where = `${account}@demo-host`): Promise<void> {
  await terminal.expect(/\$ $/);
  terminal.send('echo "hello from $0, pid $$"; exit\r');
  const { exitCode } = await terminal.ended();
  console.log(indented(`$ ssh ${where}\n${terminal.output.trim()}`));
  if (exitCode !== 0) throw new Error(`the session ended with status ${exitCode}`);
}

function invite(sshd: Sshd, deviceFile: string): void {
  const key = join(outside, 'key');
  const device = join(outside, 'device');
  copyFileSync(join(sshd.configFile, '../user'), key);
  copyFileSync(deviceFile, device);
  title('Now you, from another terminal of this machine');
  tell(`ssh -i ${key} -o IdentitiesOnly=yes -o UserKnownHostsFile=/dev/null -p ${sshd.port} ${account}@127.0.0.1`);
  tell(`  by code: as your authenticator shows it, if you scanned the picture above`);
  tell(`  by push: Enter, and in a third terminal`);
  tell(`           ${join(import.meta.dirname, '../dist/trasa-agent')} server approve --device ${device}`);
  tell(`Its host key: ${readFileSync(join(sshd.configFile, '../host.pub'), 'utf8').trim()}`);
  tell('Ctrl-C ends all of it.');
}

function audit({ attempt, account: who, person: trasaID, factor, decision, totalMs }: Record<string, unknown>): void {
  tell(`audit    ${JSON.stringify({ attempt, account: who, person: trasaID, factor, decision, totalMs })}`);
}

function title(text: string): void {
  console.log(`\n── ${text}`);
}

function tell(text: string): void {
  console.log(`   ${text}`);
}

function indented(text: string): string {
  return stripVTControlCharacters(text).replace(/\r/g, '').replace(/^/gm, '   │ ');
}

/** The processes end with the namespace that they are in. */
function end(status: number): never {
  rmSync(outside, { recursive: true, force: true });
  process.exit(status);
}
