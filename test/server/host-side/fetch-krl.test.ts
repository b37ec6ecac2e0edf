import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openAuthority } from '../../../src/ca/authority.ts';
import { revocationOfKeyId } from '../../../src/ca/revocation.ts';
import { fetchKrl, type KrlSource } from '../../../src/server/host-side/fetch-krl.ts';
import { valueOf } from '../../ca/ca.ts';
import { folder, keygen } from '../../ssh/openssh.ts';
import { type TestServer, testServer } from '../test-server.ts';

async function withCa(t: Test): Promise<{ server: TestServer; source: KrlSource; file: string }> {
  const server = await testServer(t);
  valueOf(await server.state.cas.init('user'));
  return { server, source: { url: new URL('/ca/krl', server.url), pin: server.pin }, file: join(folder(), 'krl') };
}

function revoke({ state, time }: TestServer, keyId: string): void {
  const authority = valueOf(openAuthority(join(state.directory, 'ca')));
  authority.issues.revoke(valueOf(revocationOfKeyId(keyId)), '', Date.now());
  authority.close();
  time.advance(5_000);
}

t.test('a new list takes the place of the old one, and nothing is written if none is new', async t => {
  const { server, source, file } = await withCa(t);
  t.same(await fetchKrl(source, file), { kind: 'done', value: 'new' });
  t.match(keygen('-Q', '-l', '-f', file), /KRL version 0/);
  t.equal(statSync(file).mode & 0o777, 0o644);
  const { ino } = statSync(file);
  t.same(await fetchKrl(source, file), { kind: 'done', value: 'unchanged' });
  t.equal(statSync(file).ino, ino);
  revoke(server, 'alice');
  t.same(await fetchKrl(source, file), { kind: 'done', value: 'new' });
  t.match(keygen('-Q', '-l', '-f', file), /KRL version 1[^]*alice/);
});

t.test('what is there stays', async t => {
  const { server, source, file } = await withCa(t);
  revoke(server, 'alice');
  valueOf(await fetchKrl(source, file));
  const before = readFileSync(file);
  const fails = async (what: string, other: KrlSource, text: RegExp) => {
    t.match(await fetchKrl(other, file), { kind: 'refused', text }, what);
    t.same(readFileSync(file), before, what);
  };
  const other = `sha256//${'A'.repeat(43)}=`;
  await fails('if another server answers', { ...source, pin: other }, /another key than the pinned one/);
  await fails('if nobody vouches for the server', { ...source, pin: undefined }, /self-signed certificate/);
  await fails('if there is no list', { ...source, url: new URL('/ca/nothing', server.url) }, /HTTP status 404/);
  const older = await withCa(t);
  await fails('if it is older', older.source, /is older than .*\(version 0, not 1\), which stays/);
  await server.close();
  await fails('if nobody answers', source, /ECONNREFUSED/);
});

t.test('what was no list is replaced; a file that cannot be written is named', async t => {
  const { source, file } = await withCa(t);
  writeFileSync(file, 'not a KRL');
  t.same(await fetchKrl(source, file), { kind: 'done', value: 'new' });
  t.match(await fetchKrl(source, '/proc/krl'), { kind: 'refused', text: /^\/proc\/krl: / });
  t.match(await fetchKrl(source, '/proc'), { kind: 'refused', text: /^\/proc: is not a regular file/ });
});
