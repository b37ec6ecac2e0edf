/** Clients that are not OpenSSH's, through the proxy: each with its own key exchange, its own dialogue and its own transfers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { type Clients, clientsFor, skipCurl } from '../helpers/e2e/clients.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { passwordOf, residentMiB, startProxySite, stateDirectory } from '../helpers/e2e/proxy.ts';
import { makeKey, type Sshd } from '../helpers/e2e/sshd.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';

privateHost(t);
const site = await startProxySite(['paramiko', 'plink', 'dbclient', 'pat', 'lin', 'sam']);
t.teardown(async () => await site.stop());

/** What the original says from the first question to the host's key, to the letter (TRASA_API: instruction, prompts, echo). */
const dialogue: readonly (readonly [string, readonly (readonly [string, boolean])[]])[] = [
  [
    'Enter TRASA credentials',
    [
      ['\n\rEnter Email (TRASA): ', true],
      ['\n\rEnter Password (TRASA): ', false],
    ],
  ],
  ['Choose Service', [[`\n\r${'_'.repeat(85)}\n\rEnter Service IP : \n\r`, true]]],
  ['\n\nService selected: web1 \nHostname: 127.0.0.1\n\n', []],
  ['Second factor authentication', [['\n\rEnter OTP(Blank for U2F): ', true]]],
  ['Checking host key', []],
];

/** The same key for all of them: it is registered as the member's whose account is entered. */
const clientOf = (name: keyof typeof site.members): Sshd => ({
  ...site.upstream,
  port: site.proxy.port,
  privateKey: site.keys[name],
  publicKey: readFileSync(`${site.keys[name]}.pub`, 'utf8'),
  hostKey: readFileSync(join(stateDirectory, 'ssh_host_ed25519_key.pub'), 'utf8'),
});
const clients = (name: keyof typeof site.members): Clients => clientsFor(clientOf(name));

t.test('paramiko: key, code, a command, and sftp there and back', async t => {
  const { code, user } = site.members.paramiko;
  const here = '/root/sent';
  writeFileSync(here, Buffer.alloc(3_000_000, 'p'));
  const { paramiko } = clients('paramiko');
  const words = [`--answer=${code()}`, '--run', 'echo out; echo err >&2; exit 9'];
  const done = await run(paramiko('paramiko@web1', words));
  t.match(done, {
    status: 9,
    stdout: 'out\n',
    stderr: /"Second factor authentication", "prompts": \[\["\\n\\rEnter OTP\(Blank for U2F\): ", true\]\]/,
  });
  t.match(done.stderr, /err\n/);
  const files = await run(paramiko('paramiko@web1', ['--put', here, 'there', '--get', 'there', '/root/back']));
  t.equal(files.status, 0, files.stderr);
  t.ok(readFileSync('/root/back').equals(readFileSync(here)));
  t.ok(readFileSync(join(user.home, 'there')).equals(readFileSync(here)));
});

t.test('plink and pscp: key, code on a terminal, then with nobody to ask', async t => {
  const { plink, pscp } = clients('plink');
  const terminal = new Terminal([...plink('plink@web1', ['echo in'], [])]);
  await terminal.expect('Enter OTP(Blank for U2F): ');
  terminal.send(`${site.members.plink.code()}\r`);
  await terminal.expect('Press Return to begin session.');
  terminal.send('\r');
  await terminal.expect(/\bin\r?\n/);
  t.match(await terminal.ended(), { exitCode: 0 });
  t.match(await run(plink('plink@web1', ['exit 6'])), { status: 6 });
  writeFileSync('/root/by-pscp', 'by pscp');
  const there = await run(pscp('/root/by-pscp', 'plink@web1@127.0.0.1:by-pscp'));
  t.equal(there.status, 0, there.stderr);
  t.equal(readFileSync(join(site.members.plink.user.home, 'by-pscp'), 'utf8'), 'by pscp');
});

t.test("TRASA's dialogue, to the letter, by paramiko", async t => {
  const answers = ['pat@example.com', passwordOf('pat'), 'web1', site.members.pat.code()].map(one => `--answer=${one}`);
  const done = await run(clients('pat').paramiko('pat', ['--no-key', ...answers, '--run', 'id -un']));
  t.match(done, { status: 0, stdout: 'pat\n' }, done.stderr);
  const asked = done.stderr
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as { title: string; instructions: string; prompts: unknown });
  t.strictSame(
    asked.map(({ title, instructions, prompts }) => [title, instructions, prompts]),
    dialogue.map(([instruction, prompts]) => ['', instruction, prompts]),
  );
});

t.test("TRASA's dialogue, to the letter, by ssh2", async t => {
  const { Client } = createRequire(import.meta.url)('ssh2/stock/index.js') as { Client: new () => Ssh2Client };
  const answers = ['sam@example.com', passwordOf('sam'), 'web1', site.members.sam.code()];
  const asked: unknown[] = [];
  const client = new Client();
  client.on('keyboard-interactive', (name, instruction, _language, prompts, finish) => {
    asked.push([name, instruction, prompts.map(({ prompt, echo }) => [prompt, echo])]);
    finish(answers.splice(0, prompts.length));
  });
  const output = await new Promise<string>((resolve, reject) => {
    client.on('error', reject).on('ready', () =>
      client.exec('id -un', (error, stream) => {
        if (error !== undefined) return reject(error);
        let text = '';
        stream.on('data', data => (text += data.toString())).on('close', () => resolve(text));
      }),
    );
    client.connect({
      host: '127.0.0.1',
      port: site.proxy.port,
      username: 'sam',
      tryKeyboard: true,
    });
  });
  client.end();
  t.equal(output, 'sam\n');
  t.strictSame(
    asked,
    dialogue.filter(([, prompts]) => prompts.length > 0).map(([instruction, prompts]) => ['', instruction, prompts]),
    'it answers texts without questions by itself, and shows them to nobody',
  );
});

t.test("TRASA's dialogue by plink, which draws it its own way", async t => {
  const stranger = makeKey('/root', 'stranger');
  const { plink } = clientsFor({ ...clientOf('lin'), privateKey: stranger });
  const terminal = new Terminal([...plink('lin', ['id -un'], [])]);
  for (const [question, answer] of [
    ['Enter TRASA credentials', undefined],
    ['Enter Email (TRASA): ', 'lin@example.com'],
    ['Enter Password (TRASA): ', passwordOf('lin')],
    ['Choose Service', undefined],
    ['Enter Service IP : ', 'web1'],
    ['Service selected: web1', undefined],
    ['Second factor authentication', undefined],
    ['Enter OTP(Blank for U2F): ', site.members.lin.code()],
    ['Checking host key', undefined],
    ['Press Return to begin session.', ''],
  ] as const) {
    await terminal.expect(question);
    if (answer !== undefined) terminal.send(`${answer}\r`);
  }
  await terminal.expect(/\blin\r?\n/);
  t.match(await terminal.ended(), { exitCode: 0 });
  t.notMatch(terminal.output, passwordOf('lin'));
});

t.test('a slow reader with a window of gigabytes, as plink has, costs little', async t => {
  const before = residentMiB(site.proxy);
  const line = clients('plink').plink('plink@web1', ['head -c 300M /dev/zero']);
  const slow = run(['bash', '-c', `${line.map(word => `'${word}'`).join(' ')} | (sleep 2; wc -c)`]);
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, residentMiB(site.proxy))), 50);
  t.match((await slow).stdout, String(300 * 1024 * 1024));
  clearInterval(watch);
  t.ok(peak - before < 100, `${before} MiB, then ${peak} MiB`);
});

t.test("Dropbear's client: key, code on a terminal, then with nobody to ask", async t => {
  const { dbclient } = clients('dbclient');
  const terminal = new Terminal([...dbclient('dbclient+web1', ['echo in'])]);
  await terminal.expect('Enter OTP(Blank for U2F): ');
  terminal.send(`${site.members.dbclient.code()}\r`);
  await terminal.expect(/\bin\r?\n/);
  await terminal.ended();
  const done = await run(dbclient('dbclient+web1', ['wc -c']), { input: 'x'.repeat(500_000) });
  t.match(done, { status: 0, stdout: '500000\n' }, done.stderr);
});

t.test('curl, by libssh2: a file there and back', { skip: skipCurl() }, async t => {
  const { curl } = clients('plink');
  writeFileSync('/root/by-curl', 'by curl');
  const there = await run(curl('plink@web1', 'by-curl', ['--upload-file', '/root/by-curl']));
  t.equal(there.status, 0, there.stderr);
  t.match(await run(curl('plink@web1', 'by-curl', [])), { status: 0, stdout: 'by curl' });
});

/** The stock library's client, as far as it is used here. */
interface Ssh2Client {
  on(event: 'keyboard-interactive', listener: Ask): this;
  on(event: 'error', listener: (error: Error) => void): this;
  on(event: 'ready', listener: () => void): this;
  connect(options: object): void;
  exec(command: string, started: (error: Error | undefined, stream: Ssh2Stream) => void): void;
  end(): void;
}

type Ask = (
  name: string,
  instruction: string,
  language: string,
  prompts: readonly { readonly prompt: string; readonly echo: boolean }[],
  finish: (answers: string[]) => void,
) => void;

interface Ssh2Stream {
  on(event: 'data', listener: (data: Buffer) => void): this;
  on(event: 'close', listener: () => void): this;
}
