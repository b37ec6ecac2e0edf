/** Hosts behind the proxy that nobody knows yet, that are others than they were, and that are behind other hosts. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { type Finished, run } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { answering, caDirectory, configFile, startProxySite, terminalAt } from '../helpers/e2e/proxy.ts';
import { fingerprint, makeKey, type Sshd, startSshd } from '../helpers/e2e/sshd.ts';
import { until } from '../helpers/e2e/until.ts';
import { addUser } from '../helpers/e2e/users.ts';

privateHost(t);

addUser({ name: 'jump' });
const site = await startProxySite(['alice', 'bob', 'carol'], { service: 'firstUse = "ask"' });
type Name = keyof typeof site.members;
const others: Sshd[] = [];
t.teardown(async () => {
  await Promise.all(others.map(async sshd => await sshd.stop()));
  await site.stop();
});
const known = fingerprint(site.upstream.hostKey);

t.test('an unknown host: the person is asked in the words of the original, and shown the fingerprint', async t => {
  const terminal = terminalAt(site.proxy, 'alice@web1', site.keys.alice);
  await terminal.expect('Enter OTP(Blank for U2F): ');
  terminal.send(`${site.members.alice.code()}\r`);
  await terminal.expect(`The key of 127.0.0.1:${site.upstream.port} is ${known} (ED25519).`);
  await terminal.expect('Host key verify');
  await terminal.expect(
    /Upstream host key cannot be verified. Do you want to skip verification and save the key\?\s+Type "yes" to ignore and save host key:\s/,
  );
  terminal.send('no\r');
  await terminal.expect('could not verify host');
  await terminal.ended();
  t.notMatch(site.upstream.log(), /alice/, 'the host has heard nothing of the person');

  const again = await enter('alice', 'web1', { 'Type "yes"': 'YES' });
  t.match(again, { status: 0, stdout: 'alice\n' }, again.stderr);
  t.match(await site.proxy.said(line => /taken on first use/.test(String(line['text']))), {
    service: 'web1',
    key: `${known} (ED25519)`,
    person: 'alice@example.com',
  });
  t.match(await enter('alice', 'web1'), { status: 0, stdout: 'alice\n' }, 'it is known from now on, to everybody');
  t.match(await hostKeys('list'), { stdout: new RegExp(`^web1\t127.0.0.1:\\d+\tpinned\t${escaped(known)} `) });
});

t.test('another key on the same port is refused, with both fingerprints, and nobody is asked', async t => {
  const { port } = site.upstream;
  await site.upstream.stop();
  const other = await startSshd({ forceCommand: '', port, extraConfig: 'TrustedUserCAKeys /etc/trasa/user_ca.pub' });
  others.push(other);
  const done = await enter('alice', 'web1', { 'Type "yes"': 'yes' });
  t.match(done, { status: 255, stdout: '' });
  t.match(done.stderr, new RegExp(`could not verify host: its key is ${escaped(fingerprint(other.hostKey))}`));
  t.match(await site.proxy.said(line => /ANOTHER/.test(String(line['text']))), {
    level: 'warn',
    shown: `${fingerprint(other.hostKey)} (ED25519)`,
    known: `${known} (ED25519)`,
  });
  t.notMatch(other.log(), /alice/);
  t.match(await hostKeys('forget', 'web1'), { status: 0, stdout: /1 key forgotten/ });
});

t.test('firstUse = "hold": kept for an administrator, who accepts the key that was looked at', async t => {
  await site.restart({ service: 'firstUse = "hold"' });
  const [host] = others;
  const print = fingerprint(host?.hostKey ?? '');
  const first = await enter('bob', 'web1', { OTP: site.members.bob.code() });
  t.match(first, { status: 255, stdout: '', stderr: /an administrator has to accept it first/ });
  t.match(await hostKeys('list', '--json'), { stdout: /"state":"held"/ });
  const unseen = fingerprint(readFileSync(`${makeKey('/root', 'unseen')}.pub`, 'utf8'));
  t.match(await hostKeys('accept', 'web1', unseen), { status: 1, stderr: /no key .* waits/ });
  t.match(await hostKeys('accept', 'web2', print), { status: 1, stderr: /no service web2/ });
  t.match(await hostKeys('accept', 'web1', print), { status: 0, stdout: new RegExp(escaped(print)) });
  t.match(await hostKeys('list', '--json'), { stdout: /"state":"pinned".*"by":"uid \d+/ }, 'and who has accepted it');
  t.match(await enter('bob', 'web1'), { status: 0, stdout: 'bob\n' }, 'at once, without a restart');
});

t.test('hosts behind hosts: each proves itself, and only the last one has the session', async t => {
  const trusting = { forceCommand: '', extraConfig: 'TrustedUserCAKeys /etc/trasa/user_ca.pub' };
  const [outer, inner, target] = await Promise.all([startSshd(trusting), startSshd(trusting), startSshd(trusting)]);
  others.push(outer, inner, target);
  const serviceOf = (name: string, sshd: Sshd, more: string): string => `[proxy.services.${name}]
address = "127.0.0.1:${sshd.port}"
accounts = ["alice", "bob", "carol"]
hostKey = "${sshd.hostKey.trim()}"
${more}`;
  const more = [
    serviceOf('outer', outer, ''),
    serviceOf('inner', inner, 'via = "outer"\nviaAccount = "jump"'),
    serviceOf('deep', target, 'via = "inner"\nviaAccount = "jump"'),
    serviceOf('wrong', { ...target, hostKey: outer.hostKey }, 'via = "outer"\nviaAccount = "jump"'),
    serviceOf('lost', { ...target, port: 1 }, 'via = "outer"\nviaAccount = "jump"'),
    serviceOf('barred', target, 'via = "web1"\nviaAccount = "nobody-there"'),
  ].join('\n');
  await site.restart({ service: 'firstUse = "hold"', more });
  const done = await enter('bob', 'deep', { OTP: site.members.bob.code() }, 'id -un; exit 4');
  t.match(done, { status: 4, stdout: 'bob\n' }, done.stderr);
  t.match(outer.log(), /Accepted publickey for jump .*ID trasa:bob@example.com:outer:/);
  t.match(inner.log(), /Accepted publickey for jump .*ID trasa:bob@example.com:inner:/);
  t.match(target.log(), /Accepted publickey for bob .*ID trasa:bob@example.com:deep:/);

  const sent = randomBytes(24 * 1024 * 1024);
  const sum = createHash('sha256').update(sent).digest('hex');
  const file = '/usr/local/share/sent'; // /tmp is not of this host alone
  writeFileSync(file, sent, { mode: 0o644 });
  const shell = async (script: string): Promise<Finished> =>
    await run(['sh', '-c', script, 'sh', ...site.proxy.flags(site.keys.bob), 'bob@deep@proxy']);
  const up = await shell(`ssh "$@" sha256sum <${file}`);
  t.match(up, { status: 0, stdout: `${sum}  -\n` }, 'the end of the input is the end there');
  const down = await shell(`ssh "$@" "cat ${file}" | (sleep 1; sha256sum)`);
  t.match(down, { status: 0, stdout: `${sum}  -\n` }, 'a reader that is slow at first');

  for (const [name, where, why] of [
    ['alice', 'wrong', /^upstream: host key: its key is not the pinned one/],
    ['carol', 'lost', /^upstream: no connection to 127.0.0.1:1 from there: Connection refused/i],
    ['carol', 'barred', /^upstream, on the way \(web1\): it took none of what it was offered/],
  ] as const) {
    t.match(await enter(name, where, { OTP: site.members[name].code() }), { status: 255, stdout: '' }, where);
    t.match(await site.proxy.said(line => line['text'] === 'refused'), { why });
  }
  await until('the ends of the ways', () => {
    const log = outer.log();
    return log.match(/Accepted publickey for jump/g)?.length === log.match(/Disconnected from user jump/g)?.length;
  });
});

async function enter(
  name: Name,
  where: string,
  answers: Readonly<Record<string, string>> = {},
  what = 'id -un',
): Promise<Finished> {
  return await answering(['ssh', ...site.proxy.flags(site.keys[name]), `${name}@${where}@proxy`, what], answers);
}

/** As the proxy's user. */
async function hostKeys(...words: readonly string[]): Promise<Finished> {
  const { uid, gid } = statSync(caDirectory);
  return await run([agent, 'proxy', 'host-keys', ...words, '--config', configFile], { uid, gid, cwd: '/' });
}

function escaped(text: string): string {
  return text.replace(/[^\w\s]/g, '\\$&');
}
