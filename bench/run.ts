/**
 * `npm run bench`: what the agent costs, measured side by side in one run, and written to bench/README.md. Needs root:
 * it runs on a private host (test/helpers/e2e). The exit status is 1 if a bound is missed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import pty from 'node-pty';
import { askDaemon } from '../src/relay/ask-daemon.ts';
import { addService, configFor, type Daemon, socket, startDaemon, startServer } from '../test/helpers/e2e/agent.ts';
import { plainEnvironment } from '../test/helpers/e2e/background.ts';
import { hook, module, startPamSshd, writeStack } from '../test/helpers/e2e/pam.ts';
import { agent, enterPrivateHost } from '../test/helpers/e2e/private-host.ts';
import { startProxySite } from '../test/helpers/e2e/proxy.ts';
import { ssh } from '../test/helpers/e2e/ssh.ts';
import { type Sshd, startSshd } from '../test/helpers/e2e/sshd.ts';
import { addUser, authorize, type User } from '../test/helpers/e2e/users.ts';
import { certificates } from './certificates.ts';
import { median, type Row, sideBySide } from './measure.ts';
import { proxy } from './proxy.ts';
import { recording } from './recording.ts';

const reason = enterPrivateHost();
if (reason !== undefined) {
  console.log(`bench: ${reason}`);
  process.exit();
}

const person = addUser({ name: 'person' });
const exempt = addUser({ name: 'exempt' });
const server = await startServer();
// Passthru stands for the factor: the server does all of its work but the check of a code.
const service = await addService('bench', ['--passthru']);
const daemon = await startDaemon(`${configFor(server, service)}
[policy]
exemptUsers = ["exempt"]
[identity]
domain = "bench.example"
`);
const rows: Row[] = [
  await startUp(person),
  ...(await exemptLogin(exempt)),
  ...(await pamLogin(person)),
  ...(await decisions(daemon)),
  ...(await certificates()),
];
await daemon.stop();
await server.stop();
const site = await startProxySite(['through'], { grace: 3600 }); // with a server of its own
rows.push(...(await proxy(site)), ...(await recording(site)));
await site.stop();
publish(rows);
process.exitCode = rows.every(row => row.isMet !== false) ? 0 : 1;

/** From fork to the first prompt on the terminal; against Node doing nothing. */
async function startUp(user: User): Promise<Row> {
  const times = await sideBySide(
    40,
    async () => await onTerminal([process.execPath, '-e', '0'], user, undefined),
    async () => await onTerminal([agent, 'login'], user, /code/i),
  );
  return ratio('`trasa-agent login` to its first prompt, against `node -e 0`', times, 1.25);
}

/** From the client's fork to its end, `ssh host true`; no agent may be left. */
async function exemptLogin(user: User): Promise<Row[]> {
  const without = await startSshd({ forceCommand: '' });
  const withAgent = await startSshd();
  for (const sshd of [without, withAgent]) authorize(user, sshd.publicKey);
  const logins = [without, withAgent].map(sshd => async () => await timeLogin(sshd, user));
  const times = await sideBySide(30, ...logins);
  const { stdout } = await ssh(withAgent, user.name, ['pgrep -fc "trasa-agent [l]ogin" || true']);
  const left = Number(stdout);
  await without.stop();
  await withAgent.stop();
  return [
    ratio('`ssh host true` of an exempt account, against the same without the agent', times, 1.25),
    { what: 'agent processes that remain in a session', figure: String(left), bound: '0', isMet: left === 0 },
  ];
}

/** `ssh host true` by key, with the account phase at each of PAM's doors; the server is asked, and lets through. */
async function pamLogin(user: User): Promise<Row[]> {
  const sshd = await startPamSshd();
  authorize(user, sshd.publicKey);
  const logins = [['required pam_permit.so'], module.account, hook.account].map(account => async () => {
    writeStack('sshd', { account });
    return await timeLogin(sshd, user);
  });
  const [plain = [], ours = [], exec = []] = await sideBySide(30, ...logins);
  await sshd.stop();
  const row = ratio('`ssh host true` through pam_trasa.so, against pam_permit.so in its place', [plain, ours], 1.15);
  const apartMs = median(ours) - median(plain);
  return [
    row,
    { what: '… milliseconds apart', figure: apartMs.toFixed(1), bound: '≤ 15', isMet: apartMs <= 15 },
    ratio('`ssh host true` through `trasa-agent pam` (pam_exec), against pam_permit.so in its place', [plain, exec]),
  ];
}

/** Milliseconds from the client's fork to its end. */
async function timeLogin(sshd: Sshd, user: User): Promise<number> {
  const startedAt = performance.now();
  const { status, stderr } = await ssh(sshd, user.name, ['true']);
  if (status !== 0) throw new Error(`ssh: status ${status}: ${stderr}`);
  return performance.now() - startedAt;
}

/** Attempts without a terminal, 16 at once, through the daemon's socket and the server. */
async function decisions({ process: { child } }: Daemon): Promise<Row[]> {
  const doors = Array.from({ length: 16 }, (_, i) => addUser({ name: `door${i}` }).name);
  await decideTimes(5_000, doors);
  const before = residentMiB(child.pid);
  const startedAt = performance.now();
  await decideTimes(10_000, doors);
  const perSecond = 10_000 / ((performance.now() - startedAt) / 1000);
  const after = residentMiB(child.pid);
  return [
    { what: 'decisions per second, through daemon and embedded server (16 at once)', figure: perSecond.toFixed(0) },
    { what: 'resident memory of the daemon after 5,000 decisions', figure: `${before.toFixed(0)} MiB` },
    {
      what: '… and after 10,000 more',
      figure: `${after.toFixed(0)} MiB`,
      bound: 'at most a tenth more',
      isMet: after <= before * 1.1,
    },
  ];
}

async function decideTimes(times: number, accounts: readonly string[]): Promise<void> {
  let left = times;
  const nobody = { kind: 'unable' } as const;
  const conversation = {
    interactive: false,
    canWithdraw: true,
    answersOnce: false,
    promptEchoOn: async () => await Promise.resolve(nobody),
    promptEchoOff: async () => await Promise.resolve(nobody),
    textInfo: () => undefined,
    errorMsg: () => undefined,
  };
  const { signal } = new AbortController();
  await Promise.all(
    accounts.map(async account => {
      while (left-- > 0) {
        const attempt = {
          kind: 'attempt',
          version: '1',
          door: 'pam',
          service: 'sshd',
          account,
          first: 'publickey',
          interactive: false,
        } as const;
        const reply = await askDaemon({ socket, attempt, conversation, signal });
        if (reply.kind !== 'decided' || reply.decision.reason !== 'server-passthru')
          throw new Error(`not decided as expected: ${JSON.stringify(reply)}`);
      }
    }),
  );
}

/** Runs a command on a terminal as `user`; milliseconds until it shows `pattern`, or until it ends. */
async function onTerminal(
  command: readonly [string, ...string[]],
  { uid, gid }: User,
  pattern: RegExp | undefined,
): Promise<number> {
  const [program, ...args] = command;
  const env = { ...plainEnvironment, SSH_CONNECTION: '127.0.0.1 50000 127.0.0.1 22' };
  const startedAt = performance.now();
  const terminal = pty.spawn(program, args, { uid, gid, env, cwd: '/' });
  let output = '';
  let shownAfter: number | undefined;
  return await new Promise((resolve, reject) => {
    terminal.onData(text => {
      output += text;
      if (shownAfter !== undefined || pattern?.test(output) !== true) return;
      shownAfter = performance.now() - startedAt;
      terminal.kill('SIGKILL');
    });
    terminal.onExit(() => {
      if (pattern === undefined) shownAfter = performance.now() - startedAt;
      if (shownAfter !== undefined) resolve(shownAfter);
      else reject(new Error(`${program} ended without a prompt: ${output}`));
    });
  });
}

/** @param times of what it is measured against, then of the agent */
function ratio(what: string, [plain = [], ours = []]: number[][], bound?: number): Row {
  const [a, b] = [median(ours), median(plain)];
  const figure = `${(a / b).toFixed(2)} (${a.toFixed(1)} ms / ${b.toFixed(1)} ms)`;
  return bound === undefined ? { what, figure } : { what, figure, bound: `≤ ${bound}`, isMet: a / b <= bound };
}

function residentMiB(pid: number | undefined): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

function publish(results: readonly Row[]): void {
  const lines = results.map(
    ({ what, figure, bound = '', isMet }) =>
      `| ${what} | ${figure} | ${bound}${isMet === false ? ' **missed**' : ''} |`,
  );
  const machine = `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`;
  const text = `${machine}, medians of interleaved runs:\n\n| what | measured | bound |\n|---|---|---|\n${lines.join('\n')}\n`;
  console.log(text);
  const readme = join(import.meta.dirname, 'README.md');
  const whole = readFileSync(readme, 'utf8');
  writeFileSync(
    readme,
    whole.replace(/<!-- results -->[^]*<!-- \/results -->/, () => `<!-- results -->\n${text}<!-- /results -->`),
  );
}
