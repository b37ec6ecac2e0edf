/** The daemon as a process: its real parts, signals, and a socket from a parent. No server answers behind it. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { AttemptMessage } from '../../src/protocol/messages.ts';
import { askDaemon } from '../../src/relay/ask-daemon.ts';
import { ScriptedConversation } from '../helpers/scripted-conversation.ts';
import { until } from './running-daemon.ts';
import { tempDirectory } from './temp-directory.ts';

t.test('serves, reloads on SIGHUP, keeps the old configuration when the new one is bad, stops on SIGTERM', async t => {
  const directory = tempDirectory(t);
  const config = writeConfig(directory, 'exemptUsers = ["root"]');
  const daemon = startProcess(t, directory, { config });
  await daemon.logged('ready');
  const socket = join(directory, 'agent.sock');
  t.match(await ask(socket), { decision: { verdict: 'bypass', reason: 'exempt-user' } });

  writeConfig(directory, 'exemptUsers = 1\nserviceKye = "x"');
  daemon.reload();
  await daemon.logged('the old one stays');
  t.match(await ask(socket), { decision: { verdict: 'bypass', reason: 'exempt-user' } });

  writeConfig(directory, 'requiredUsers = ["nobody"]');
  daemon.reload();
  await daemon.logged('configuration loaded', 2);
  t.match(await ask(socket), { decision: { verdict: 'bypass', reason: 'not-required' } });

  daemon.stop();
  t.equal(await daemon.exited, 0);
  t.notOk(existsSync(socket));
  t.match(
    daemon.lines().filter(line => line['event'] === 'decision'),
    [{ account: 'root', decision: 'bypass', door: 'login' }, {}, {}],
  );
});

t.test(
  "another user's account: the kernel says who asks",
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async t => {
    const directory = tempDirectory(t);
    chmodSync(directory, 0o755);
    const daemon = startProcess(t, directory, { config: writeConfig(directory, 'exemptUsers = ["root", "nobody"]') });
    await daemon.logged('ready');
    const socket = join(directory, 'agent.sock');
    t.match(askAsNobody(socket, 'root'), / verdict=deny reason=not-your-account /);
    t.match(askAsNobody(socket, 'no-such-account'), / verdict=deny reason=not-your-account /);
    t.match(askAsNobody(socket, 'nobody'), / verdict=bypass reason=exempt-user /);
  },
);

t.test('stays up without a configuration and says why to everybody', async t => {
  const directory = tempDirectory(t);
  const daemon = startProcess(t, directory, { config: join(directory, 'none.toml'), sockets: 1 });
  await daemon.logged('ready');
  t.match(await ask(join(directory, 'systemd.sock')), { decision: { verdict: 'deny', reason: 'config-invalid' } });
});

t.test('serves a socket from systemd, and leaves it when it stops', async t => {
  const directory = tempDirectory(t);
  const config = writeConfig(directory, 'exemptUsers = ["root"]');
  const path = join(directory, 'systemd.sock');
  const service = startProcess(t, directory, { config, sockets: 1, starts: 2 });
  await service.logged('ready');
  t.match(await ask(path), { decision: { verdict: 'bypass' } });
  t.notOk(existsSync(join(directory, 'agent.sock')), 'no socket of its own beside it');

  service.stop();
  await service.logged('stopped');
  t.ok(existsSync(path));
  t.match(await ask(path), { decision: { verdict: 'bypass' } }, 'a login during a restart waits for the next daemon');
  await service.logged('ready', 2);
  service.stop();
  t.equal(await service.exited, 0);
});

t.test('a new version is told of: a login in progress is finished, then the next daemon serves', async t => {
  const directory = tempDirectory(t);
  const config = writeConfig(directory, 'requiredUsers = ["root"]');
  const path = join(directory, 'systemd.sock');
  const service = startProcess(t, directory, { config, sockets: 1, starts: 2 });
  await service.logged('ready');
  const { promise: asked, resolve } = Promise.withResolvers<string>();
  const person = new ScriptedConversation(async () => await asked);
  const waiting = ask(path, person);
  await until(() => person.said.length === 1);
  service.signal('SIGUSR2');
  await service.logged('a new version is there');
  t.match(await ask(path, new ScriptedConversation()), { decision: { verdict: 'deny' } }, 'another is answered');
  resolve('');
  t.match(await waiting, { decision: { verdict: 'deny' } });
  await service.logged('ready', 2);
  const denials = service.lines().filter(line => line['event'] === 'decision');
  t.notOk(
    denials.some(line => line['reason'] === 'shutting-down'),
    'nobody was sent away',
  );
  service.stop();
  t.equal(await service.exited, 0);
});

t.test('a daemon with a socket of its own stays: nobody else would serve it', async t => {
  const directory = tempDirectory(t);
  const daemon = startProcess(t, directory, { config: writeConfig(directory, 'exemptUsers = ["root"]') });
  await daemon.logged('ready');
  daemon.signal('SIGUSR2');
  await daemon.logged('a new version waits for a restart');
  t.match(await ask(join(directory, 'agent.sock')), { decision: { verdict: 'bypass' } });
});

t.test('two sockets from systemd are an error', async t => {
  const directory = tempDirectory(t);
  const daemon = startProcess(t, directory, { config: writeConfig(directory, ''), sockets: 2 });
  t.equal(await daemon.exited, 69);
  t.match(daemon.lines().at(-1), {
    level: 'error',
    text: 'cannot start: systemd passed 2 sockets, and one is expected',
  });
});

t.test('a bug ends the process, and the door that waits denies', async t => {
  const directory = tempDirectory(t);
  const daemon = startProcess(t, directory, {
    config: writeConfig(directory, ''),
    bug: 'process.on("SIGUSR2", () => { throw new Error("bug"); });',
  });
  await daemon.logged('ready');
  const { promise: asked, resolve } = Promise.withResolvers<string>();
  const person = new ScriptedConversation(async () => await asked);
  const reply = ask(join(directory, 'agent.sock'), person);
  await until(() => person.said.length === 1);
  daemon.signal('SIGUSR2');
  t.equal(await daemon.exited, 70);
  resolve('123456');
  t.match(await reply, { kind: 'unavailable' });
  t.ok(daemon.lines().some(line => String(line['text']).startsWith('uncaught exception: Error: bug')));
});

function writeConfig(directory: string, policy: string): string {
  const path = join(directory, 'trasa-agent.toml');
  const text = `
trasaServerURL = "https://127.0.0.1:9"
serviceID = "id"
serviceKey = "key"
[policy]
${policy}
[identity]
domain = "example.com"
[daemon]
socket = "${join(directory, 'agent.sock')}"
stateDirectory = "${join(directory, 'state')}"
`;
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return path;
}

async function ask(socket: string, conversation = new ScriptedConversation()) {
  const attempt: AttemptMessage = {
    kind: 'attempt',
    version: '1',
    door: 'login',
    service: 'sshd',
    account: 'root',
    interactive: true,
  };
  return await askDaemon({ socket, attempt, conversation, signal: new AbortController().signal });
}

/** What the daemon answers to uid 65534, Debian's nobody. */
function askAsNobody(socket: string, account: string): string {
  const script = `use Socket; $| = 1; $) = "65534 65534"; $( = 65534; $> = $< = 65534;
    my $s;
    socket($s, AF_UNIX, SOCK_STREAM, 0) and connect($s, sockaddr_un($ARGV[0])) or die $!;
    syswrite($s, "attempt version=1 door=login service=sshd account=$ARGV[1] interactive=no\\n");
    print <$s>;`;
  return execFileSync('perl', ['-e', script, socket, account], { encoding: 'utf8', timeout: 10_000 });
}

interface DaemonProcess {
  readonly exited: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
  reload(): void;
  stop(): void;
  lines(): Record<string, unknown>[];
  /** Until a line of the log contains `text`, `times` times. */
  logged(text: string, times?: number): Promise<void>;
}

/**
 * What systemd does for a unit with a socket: holds it, accepts nothing, and starts the service `starts` times. In
 * Perl, which every Debian has, since a Node process accepts whatever comes to a socket that it holds.
 */
const systemd = `use Socket; $^F = 9; $| = 1;
  my ($path, $sockets, $starts, @command) = @ARGV;
  my $s;
  socket($s, AF_UNIX, SOCK_STREAM, 0) and bind($s, sockaddr_un($path)) and listen($s, 16) or die $!;
  fileno($s) == 3 or die 'not descriptor 3';
  for (1 .. $starts) {
    my $pid = fork;
    if (!$pid) { $ENV{LISTEN_FDS} = $sockets; $ENV{LISTEN_PID} = $$; exec @command }
    print qq({"pid":$pid}\\n);
    waitpid($pid, 0);
  }
  exit($? >> 8);`;

function startProcess(
  t: Test,
  directory: string,
  options: { config: string; sockets?: number; starts?: number; bug?: string },
): DaemonProcess {
  const { config, sockets = 0, starts = 1, bug = '' } = options;
  const module = new URL('../../src/cli/daemon.ts', import.meta.url).href;
  const script = `import { daemon } from ${JSON.stringify(module)};
    ${bug}
    process.exitCode = await daemon({ config: ${JSON.stringify(config)} });`;
  const node = [process.execPath, '--input-type=module', '-e', script];
  const [command = '', ...args] =
    sockets === 0
      ? node
      : ['perl', '-e', systemd, join(directory, 'systemd.sock'), String(sockets), String(starts), ...node];
  const child = spawn(command, args, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  let isClosed = false;
  let wake = (): void => {};
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    wake();
  });
  const exited = new Promise<number | null>(resolve => {
    child.once('close', code => {
      isClosed = true;
      wake();
      resolve(code);
    });
  });
  const lines = () =>
    output
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line) as Record<string, unknown>);
  const signal = (name: NodeJS.Signals): void => {
    const pid = lines().findLast(line => 'pid' in line)?.['pid'] ?? child.pid;
    process.kill(Number(pid), name);
  };
  t.teardown(async () => {
    if (child.exitCode !== null) return;
    signal('SIGTERM');
    await exited;
  });
  return {
    exited,
    signal,
    reload: () => signal('SIGHUP'),
    stop: () => signal('SIGTERM'),
    lines,
    async logged(text, times = 1) {
      while (lines().filter(line => String(line['text']).includes(text)).length < times) {
        if (isClosed) throw new Error(`the daemon ended: ${output}`);
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
    },
  };
}
