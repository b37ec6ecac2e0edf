/** Streams that are long, slow or given new keys on their way, by real ends: what arrives is compared by hash. */
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { type Finished, run } from '../helpers/e2e/background.ts';
import { agentFolder, privateHost } from '../helpers/e2e/private-host.ts';
import { answering, residentMiB, startProxySite } from '../helpers/e2e/proxy.ts';

privateHost(t);
// The host wants new keys every 32 MiB, whatever else happens.
const site = await startProxySite(['alice'], { sshd: { extraConfig: 'RekeyLimit 32M\nLogLevel DEBUG1' } });
t.teardown(async () => await site.stop());

const MiB = 1024 * 1024;
// On the machine of both ends, where both may read it.
const part = '/usr/local/share/part';
const bytes = randomBytes(64 * MiB);
writeFileSync(part, bytes);
writeFileSync('/usr/local/bin/stream', `#!/bin/sh\nfor i in $(seq "$1"); do echo "$i"; cat ${part}; done\n`, {
  mode: 0o755,
});
writeFileSync('/usr/local/bin/digest', '#!/bin/sh\nopenssl dgst -sha256 -r\n', { mode: 0o755 });

const first = await answering(['ssh', ...site.proxy.flags(site.keys.alice), 'alice@web1@proxy', 'true'], {
  OTP: site.members.alice.code(),
});
if (first.status !== 0) throw new Error(`no login: ${first.stderr}${site.proxy.process.stdout}`);

t.test('1 GiB up, the end of input, and then 1 GiB down', async t => {
  const { result, grownMiB } = await watched(
    shell(`stream 16 | ${login()} 'digest >up; stream 16' | digest; cat ~alice/up`),
  );
  const expected = digestOf(16);
  t.match(result, { status: 0, stdout: new RegExp(`^${expected} .*\n${expected} `) }, 'down, and up');
  // What waits for new keys is left to the collector, which takes its time on a busy machine: some 140 MiB at most.
  t.ok(grownMiB < 256, `it grew by ${grownMiB} MiB`);
  t.ok(exchanges(site.upstream.log()) > 2 * 16, 'with new keys all the time');
});

t.test('a host that reads slowly, and a client that does: nothing is lost or piled up', async t => {
  const up = await watched(shell(`stream 2 | ${login()} 'sleep 2; digest'`));
  const down = await watched(shell(`${login()} 'stream 2' | (sleep 2; digest)`));
  for (const { result, grownMiB } of [up, down]) {
    t.match(result.stdout, digestOf(2));
    t.ok(grownMiB < 100, `it grew by ${grownMiB} MiB`);
  }
});

t.test('new keys for every MiB, both ways at once, while the reader is slow', async t => {
  const { stdout, stderr } = await shell(`stream 1 | ${login()} -v -o RekeyLimit=1M cat | (sleep 1; digest)`);
  t.match(stdout, digestOf(1));
  t.ok(exchanges(stderr) > 16);
});

t.test('every cipher, with new keys, both ways', async t => {
  for (const cipher of ['chacha20-poly1305@openssh.com', 'aes256-gcm@openssh.com', 'aes256-ctr']) {
    const { stdout } = await shell(`stream 1 | ${login()} -c ${cipher} -o RekeyLimit=16M cat | digest`);
    t.match(stdout, digestOf(1), cipher);
  }
});

t.test('without the addon: the same by ssh2’s own ciphers, and the log says so', async t => {
  await run(['mount', '--bind', '/dev/null', `${agentFolder}/trasa_ssh.node`]);
  await site.restart();
  t.match(await site.proxy.said(line => line['level'] === 'warning'), {
    text: /^ciphers are slower than they could be: /,
  });
  for (const cipher of ['aes128-gcm@openssh.com', 'chacha20-poly1305@openssh.com']) {
    const { stdout } = await shell(`stream 1 | ${login()} -c ${cipher} -o RekeyLimit=16M cat | digest`);
    t.match(stdout, digestOf(1), cipher);
  }
});

/** What `stream PARTS` prints. */
function digestOf(parts: number): string {
  const hash = createHash('sha256');
  for (let i = 1; i <= parts; i++) hash.update(`${i}\n`).update(bytes);
  return hash.digest('hex');
}

function exchanges(log: string): number {
  return log.split('SSH2_MSG_NEWKEYS received').length - 1;
}

/** With the most by which the proxy grew meanwhile. */
async function watched(work: Promise<Finished>): Promise<{ result: Finished; grownMiB: number }> {
  const before = residentMiB(site.proxy);
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, residentMiB(site.proxy))), 50);
  const result = await work.finally(() => clearInterval(timer));
  return { result, grownMiB: peak - before };
}

function login(): string {
  const words = site.proxy.flags(site.keys.alice).map(word => `'${word}'`);
  return `ssh ${words.join(' ')} alice@web1@proxy`;
}

async function shell(script: string): Promise<Finished> {
  return await run(['bash', '-c', script]);
}
