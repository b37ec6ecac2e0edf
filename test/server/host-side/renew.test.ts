import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readCertificate } from '../../../src/ca/files.ts';
import { signHostKey } from '../../../src/ca/host-certificate.ts';
import { certificateLine } from '../../../src/ca/issue.ts';
import type { CaResult } from '../../../src/ca/result.ts';
import { type RenewPlan, renewAll } from '../../../src/server/host-side/renew-all.ts';
import type { Ran } from '../../../src/system/run-program.ts';
import { valueOf } from '../../ca/ca.ts';
import { folder, makeKey } from '../../ssh/openssh.ts';
import { type TestServer, testServer } from '../test-server.ts';

const day = 86_400_000;
const reloaded: Ran = { kind: 'ran', status: 0, stdout: '', stderr: '' };

interface Host {
  readonly server: TestServer;
  /** `key-cert.pub`, good for 30 days. */
  readonly file: string;
  /** What was run. */
  readonly ran: string[];
  readonly said: string[];
  readonly renew: (plan?: Partial<RenewPlan>, ends?: Ran) => Promise<CaResult<void>>;
}

async function hostOf(t: Test): Promise<Host> {
  const server = await testServer(t);
  valueOf(await server.state.cas.init('host'));
  const file = await certified(server);
  const [ran, said]: [string[], string[]] = [[], []];
  const plan = {
    server: { url: server.url, pin: server.pin },
    files: [file],
    all: false,
    unit: 'ssh',
    userCaFile: '/none',
  };
  const renew: Host['renew'] = async (more = {}, ends = reloaded) =>
    await renewAll(
      { ...plan, ...more },
      {
        run: async (program, words) => {
          ran.push([program, ...words].join(' '));
          return await Promise.resolve(ends);
        },
        trustedCas: async () => await Promise.resolve({ kind: 'done', value: [] }),
        say: line => void said.push(line),
        now: server.time.now,
      },
    );
  return { server, file, ran, said, renew };
}

async function certified({ state, time }: TestServer): Promise<string> {
  const { path, key } = makeKey(join(folder(), 'key'));
  const issued = valueOf(
    await state.cas.issue(
      'host',
      async issuer => await signHostKey(issuer, key, ['web1.example.com'], 30 * 86_400, time.now()),
    ),
  );
  writeFileSync(`${path}-cert.pub`, certificateLine(key, issued.certificate, ''));
  return `${path}-cert.pub`;
}

function serialIn(file: string): bigint {
  return valueOf(readCertificate(file)).certificate.serial;
}

t.test('what has less than a third of its time left is renewed, and sshd is told', async t => {
  const { server, file, ran, said, renew } = await hostOf(t);
  server.time.advance(19 * day);
  t.match(await renew(), { kind: 'done' });
  t.same([serialIn(file), ran], [1n, []], 'not yet');
  t.match(said, [/good until 2026-12-23T12:00:00\.000Z, not due yet/]);
  server.time.advance(2 * day);
  t.match(await renew(), { kind: 'done' });
  t.same([serialIn(file), ran], [2n, ['systemctl reload ssh']]);
  t.match(said[1], /renewed until 2027-01-13T12:00:00\.000Z, serial 2/);
  t.equal(statSync(file).mode & 0o777, 0o644);
  t.match(await renew(), { kind: 'done' });
  t.equal(serialIn(file), 2n, 'and then it is not due');
});

t.test('if sshd cannot be told, the old certificate is put back, and the next run tries again', async t => {
  const { server, file, renew } = await hostOf(t);
  const before = readFileSync(file, 'utf8');
  server.time.advance(21 * day);
  const failed: Ran = { kind: 'ran', status: 1, stdout: '', stderr: 'Unit ssh.service not found.\n' };
  t.match(await renew({}, failed), { kind: 'refused', text: /systemctl reload ssh: Unit ssh\.service not found\.; / });
  t.equal(readFileSync(file, 'utf8'), before);
  t.match(await renew({}, { kind: 'failed', why: 'systemctl is not there' }), { text: /^systemctl is not there; / });
  t.match(await renew(), { kind: 'done' });
  t.equal(serialIn(file), 4n);
});

t.test('one that cannot be renewed does not keep the others from it', async t => {
  const { server, file, ran, renew } = await hostOf(t);
  server.time.advance(21 * day);
  const none = join(folder(), 'none-cert.pub');
  t.match(await renew({ files: [none, file] }), { kind: 'refused', text: /none-cert\.pub: ENOENT/ });
  t.same([serialIn(file), ran.length], [2n, 1]);
});

t.test('what is there stays', async t => {
  const { server, file, ran, renew } = await hostOf(t);
  server.time.advance(21 * day);
  const before = readFileSync(file, 'utf8');
  const stays = async (what: string, plan: Partial<RenewPlan>, text: RegExp) => {
    t.match(await renew(plan), { kind: /refused|config/, text }, what);
    t.equal(readFileSync(file, 'utf8'), before, what);
  };
  const { url } = server;
  const pin = `sha256//${'A'.repeat(43)}=`;
  await stays('if another server answers', { server: { url, pin } }, /another key than the pinned one/);
  await stays('if nobody vouches for the server', { server: { url, pin: undefined } }, /self-signed certificate/);
  const other = makeKey(join(folder(), 'other')).path;
  const [key = ''] = file.split('-cert.pub');
  const own = readFileSync(key);
  writeFileSync(key, readFileSync(other));
  await stays('if its key is another', {}, /certifies another key than that in/);
  writeFileSync(key, own);
  server.time.advance(10 * day);
  await stays('after its end', {}, /it expired/);
  await server.close();
  await stays('if nobody answers', {}, /ECONNREFUSED/);
  t.same(ran, [], 'and sshd is not told');
});

t.test('a file that is no host’s certificate, or is without its key, is said', async t => {
  const { file, renew } = await hostOf(t);
  const says = async (path: string, text: RegExp) =>
    t.match(await renew({ files: [path], all: true }), { kind: /config|refused/, text });
  const alone = join(folder(), 'alone-cert.pub');
  writeFileSync(alone, readFileSync(file));
  await says(alone, /alone-cert\.pub: its key is not beside it/);
  const nameless = join(folder(), 'certificate');
  writeFileSync(nameless, readFileSync(file));
  await says(nameless, /certificate: its key is not beside it/);
  const plain = file.replace('-cert.pub', '.pub');
  await says(plain, /key\.pub: is no certificate of a type that is known/);
  writeFileSync(alone, 'nonsense\n');
  await says(alone, /alone-cert\.pub: is not a public key/);
});

t.test('without a unit somebody else has to tell sshd, which is said', async t => {
  const { server, ran, said, renew } = await hostOf(t);
  server.time.advance(21 * day);
  t.match(await renew({ unit: undefined }), { kind: 'done' });
  t.same(ran, []);
  t.match(said[1], /have sshd reloaded/);
});

t.test('all: the server is asked, due or not, and may find it too early', async t => {
  const { file, renew } = await hostOf(t);
  t.match(await renew({ all: true }), { kind: 'refused', text: /too early/ });
  t.equal(serialIn(file), 1n);
});
