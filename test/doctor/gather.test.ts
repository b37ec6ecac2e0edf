import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { gatherAccounts, usualAccounts } from '../../src/doctor/gather/accounts.ts';
import { gatherDaemon } from '../../src/doctor/gather/daemon.ts';
import { gatherHostCertificates } from '../../src/doctor/gather/host-certificates.ts';
import { gatherOffline } from '../../src/doctor/gather/offline.ts';
import { directoryRoom } from '../../src/host/directory-room.ts';
import type { LookUp } from '../../src/host/lookup.ts';
import { folder, keygen, makeKey } from '../ssh/openssh.ts';
import { probe, root, sshdOf } from './facts.ts';

t.test('root is looked at, and every person with a shell', async t => {
  const passwd = `root:x:0:0::/root:/bin/bash
daemon:x:1:1::/:/usr/sbin/nologin
alice:x:1000:1000::/home/alice:/bin/bash
bob:x:1001:1001::/home/bob:
carol:x:1002:1002::/home/carol:/bin/false
nobody:x:65534:65534::/:/usr/sbin/nologin
robot:x:70000:70000::/:/bin/sh
broken
`;
  t.strictSame(usualAccounts(passwd), ['root', 'alice', 'bob']);
});

t.test('an account that does not exist, or whose groups cannot be told, is one all the same', async t => {
  const user = { name: '', uid: 7, gid: 7, home: '/', shell: '/bin/sh' };
  const lookUp: LookUp = async name => {
    if (name === 'lost') return { kind: 'unknown' };
    return { kind: 'found', user: { ...user, name }, groups: ['a'], why: name === 'half' ? 'no answer' : '' };
  };
  t.strictSame(await gatherAccounts(['whole', 'half', 'lost'], lookUp), [
    { name: 'whole', user: { uid: 7, shell: '/bin/sh' }, groups: ['a'] },
    { name: 'half', user: { uid: 7, shell: '/bin/sh' }, groups: undefined },
    { name: 'lost', user: undefined, groups: undefined },
  ]);
});

t.test('daemons whose program was replaced are known by proc(5)', async t => {
  const proc = t.testdir();
  const process = (pid: string, exe: string, ...words: readonly string[]): void => {
    mkdirSync(join(proc, pid));
    symlinkSync(exe, join(proc, pid, 'exe'));
    writeFileSync(join(proc, pid, 'cmdline'), words.map(word => `${word}\0`).join(''));
  };
  process('10', '/usr/lib/trasa-agent/trasa-agent (deleted)', 'trasa-agent', 'daemon');
  process('11', '/usr/lib/trasa-agent/trasa-agent', 'trasa-agent', 'daemon');
  process('12', '/usr/lib/trasa-agent/trasa-agent (deleted)', 'trasa-agent', 'login');
  process('13', '/bin/sh (deleted)', 'sh', 'daemon');
  mkdirSync(join(proc, '14'));
  t.match(await gatherDaemon('/nonexistent', proc), { outdated: [10], silence: /ENOENT/ });
});

t.test('the certificates that sshd shows are read; what is none of a host is said', async t => {
  const here = folder();
  const [ca, host] = ['ca', 'host'].map(name => makeKey(join(here, name)).path);
  keygen('-q', '-s', ca ?? '', '-I', 'x', '-h', '-n', 'web1', '-V', '20260101Z:20260201Z', `${host}.pub`);
  const [good, plain, gone] = [`${host}-cert.pub`, `${host}.pub`, join(here, 'gone')];
  const sshd = sshdOf(probe(root, { hostcertificate: [good, plain, gone] }));
  t.match(gatherHostCertificates(sshd), [
    { path: good, valid: { validAfter: 1_767_225_600n, validBefore: 1_769_904_000n } },
    { path: plain, valid: undefined },
    { path: gone, valid: undefined },
  ]);
  t.same(gatherHostCertificates(sshdOf(probe(root))), []);
});

t.test('a directory is measured, and one that is not there is said', async t => {
  const folder = t.testdir();
  const { trouble, freeBytes, freeFiles } = directoryRoom(folder);
  t.equal(trouble, undefined);
  t.ok(freeBytes > 0 && freeFiles > 0);
  t.match(directoryRoom(join(folder, 'lost')), { trouble: 'does not exist' });
});

t.test('what is prepared for days without a server is told by the command that may look', async t => {
  const state = t.testdir();
  const line = { account: 'alice', factor: 'offline-totp', expires: '2027-01-01T00:00:00.000Z', digits: 6 };
  const ran: string[] = [];
  const gathered = async (stdout: string, status = 0) =>
    await gatherOffline(state, '/etc/a.toml', ['/bin/agent', 'x'], async (program, words) => {
      ran.push([program, ...words].join(' '));
      return await Promise.resolve({ kind: 'ran', status, stdout, stderr: 'why not\n' });
    });
  t.same(await gathered(''), [], 'nothing is prepared');
  t.same(ran, [], 'and nobody is asked');
  writeFileSync(join(state, 'offline.json'), '');
  t.same(await gathered(`${JSON.stringify(line)}\n`), [
    { account: 'alice', factor: 'offline-totp', expiresMs: Date.UTC(2027, 0, 1), left: undefined, digits: 6 },
  ]);
  t.same(ran, ['/bin/agent x offline status --json --config /etc/a.toml']);
  t.equal(await gathered('', 1), 'why not');
  for (const odd of ['nonsense', 'null', '{}', '{"account":"a","factor":"b","expires":"never"}'])
    t.match(await gathered(`${odd}\n`), /is not understood/, odd);
});
