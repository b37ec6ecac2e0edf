import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openAuthority } from '../../src/ca/authority.ts';
import { certificateLine } from '../../src/ca/issue.ts';
import { revocationOfSerial } from '../../src/ca/revocation.ts';
import { signUserKey } from '../../src/ca/user-certificate.ts';
import { valueOf } from '../ca/ca.ts';
import { send, type TestServer, testServer } from '../server/test-server.ts';
import { folder, makeKey, revokedBy } from '../ssh/openssh.ts';

async function withCa(t: Test): Promise<TestServer> {
  const server = await testServer(t);
  valueOf(await server.state.cas.init('user'));
  return server;
}

/** As `trasa-agent ca revoke` does it, beside the running server. */
function revoke({ state }: TestServer, serial: string): void {
  const authority = valueOf(openAuthority(join(state.directory, 'ca')));
  authority.issues.revoke(valueOf(revocationOfSerial(authority, serial)), '', Date.now());
  authority.close();
}

const terms = { principals: ['alice'], forSeconds: 3600, extensions: [] };

t.test('anybody gets the list, and ssh-keygen finds in it what was revoked and nothing else', async t => {
  const server = await withCa(t);
  const here = folder();
  const files: string[] = [];
  for (const name of ['one', 'two']) {
    const { path, key } = makeKey(join(here, name));
    const issued = valueOf(
      await server.state.cas.issue('user', async issuer => await signUserKey(issuer, key, name, terms, Date.now())),
    );
    writeFileSync(`${path}-cert.pub`, certificateLine(key, issued.certificate, name));
    files.push(`${path}-cert.pub`);
  }
  const krl = join(here, 'krl');
  const verdicts = async () => {
    server.time.advance(5_000);
    const { status, bytes, headers } = await send(server.url, 'GET', '/ca/krl', '');
    t.equal(status, 200);
    t.match(headers, { 'content-type': 'application/octet-stream', 'cache-control': 'no-cache' });
    writeFileSync(krl, bytes);
    return files.map(file => revokedBy(krl, [file]).get(file));
  };
  t.same(await verdicts(), [false, false]);
  revoke(server, '2');
  t.same(await verdicts(), [false, true]);
});

t.test('who has the list is told so, until there is another', async t => {
  const server = await withCa(t);
  const { key } = makeKey(join(folder(), 'one'));
  valueOf(await server.state.cas.issue('user', async issuer => await signUserKey(issuer, key, 'x', terms, Date.now())));
  const ask = async (known?: string) =>
    await send(server.url, 'GET', '/ca/krl', '', undefined, known === undefined ? {} : { 'if-none-match': known });
  const first = await ask();
  const tag = String(first.headers['etag']);
  for (const known of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
    const { status, body, headers } = await ask(known);
    t.same([status, body, headers['etag']], [304, '', tag], known);
  }
  server.time.advance(60_000);
  t.equal((await ask(tag)).status, 304, 'later, too');
  t.equal((await ask('"x"')).status, 200);
  revoke(server, '1');
  t.equal((await ask(tag)).status, 304, 'for some seconds it is not looked at again');
  server.time.advance(5_000);
  const next = await ask(tag);
  t.equal(next.status, 200);
  t.not(next.headers['etag'], tag);
});

t.test('where there is no CA there is no list, rather than an empty one', async t => {
  const server = await testServer(t);
  const { status, json } = await send(server.url, 'GET', '/ca/krl', '');
  t.equal(status, 503);
  t.match(json, { status: 'failed' });
  t.match(server.log.join(), /does not exist/);
  valueOf(await server.state.cas.init('user'));
  t.equal((await send(server.url, 'GET', '/ca/krl', '')).status, 200);
});
