/** What the doctor calls a hole beside a forced command is one: a real client gets through it, and not where it is closed. */
import { once } from 'node:events';
import { chownSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import t from 'tap';
import { type Finished, run } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { ssh } from '../helpers/e2e/ssh.ts';
import { type Sshd, startSshd } from '../helpers/e2e/sshd.ts';
import { addUser, authorize } from '../helpers/e2e/users.ts';

privateHost(t);

// There is no daemon, so the agent lets nobody in: whatever comes through has not asked it.
const alice = addUser({ name: 'alice' });
const put = (name: string, text: string): void => {
  writeFileSync(join(alice.home, name), text);
  chownSync(join(alice.home, name), alice.uid, alice.gid);
};
const target = createServer(socket => socket.end('in\n')).listen(0, '127.0.0.1');
await once(target, 'listening');
t.teardown(() => target.close());
const address = target.address();
const port = typeof address === 'object' ? (address?.port ?? 0) : 0;

interface Hole {
  readonly id: string;
  /** What closes it is taken out, and this put in its place. */
  readonly opened: readonly [string, string];
  /** Says `in` if it is open. */
  enter(sshd: Sshd): Promise<Finished>;
}

const closed = `DisableForwarding yes
X11Forwarding no
AllowAgentForwarding no
PermitUserRC no
PermitUserEnvironment no
SetEnv SHLVL=2
AcceptEnv LANG
`;

const holes: readonly Hole[] = [
  {
    id: 'startup-files',
    opened: ['SetEnv SHLVL=2', ''],
    enter: async sshd => {
      put('.bashrc', 'echo in; exit 0\n');
      return await ssh(sshd, 'alice', ['id']);
    },
  },
  {
    id: 'accept-env',
    opened: ['AcceptEnv LANG', 'AcceptEnv BASH_*'],
    enter: async sshd =>
      await run(['ssh', '-F', sshd.configFile, '-o', 'SendEnv=BASH_ENV', 'alice@target', 'id'], {
        env: { BASH_ENV: '$(echo in >&2)' }, // bash expands it: no file is needed on the host
      }),
  },
  {
    id: 'user-environment',
    opened: ['PermitUserEnvironment no', 'PermitUserEnvironment yes'],
    enter: async sshd => {
      put('evil', 'echo in; exit 0\n');
      put('.ssh/environment', `BASH_ENV=${alice.home}/evil\n`);
      return await ssh(sshd, 'alice', ['id']);
    },
  },
  {
    id: 'forwarding-open',
    opened: ['DisableForwarding yes', ''],
    enter: async sshd => await run(['ssh', '-F', sshd.configFile, '-W', `127.0.0.1:${port}`, 'alice@target']),
  },
];

for (const { id, opened, enter } of holes)
  t.test(id, async t => {
    const open = await startSshd({ extraConfig: closed.replace(...opened) });
    const shut = await startSshd({ extraConfig: closed });
    for (const { publicKey } of [open, shut]) authorize(alice, publicKey);
    const [through, kept] = [await enter(open), await enter(shut)];
    t.match(through.stdout + through.stderr, /^in$/m);
    t.notMatch(kept.stdout + kept.stderr, /^in$/m);
    t.not(kept.status, 0);
    t.ok((await idsOf(open)).includes(id), 'the doctor says so');
    t.notOk((await idsOf(shut)).includes(id), 'and does not where it is closed');
    put('.bashrc', '');
    await open.stop();
    await shut.stop();
  });

async function idsOf(sshd: Sshd): Promise<string[]> {
  const config = join(dirname(sshd.configFile), 'sshd_config');
  const { stdout } = await run([agent, 'doctor', '--json', '--offline', '--user', 'alice', '--sshd-config', config]);
  return (JSON.parse(stdout) as { findings: { id: string }[] }).findings.map(finding => finding.id);
}
