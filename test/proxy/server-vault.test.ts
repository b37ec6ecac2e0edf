import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { fingerprintOf } from '../../src/ca/issue.ts';
import { Secret } from '../../src/otp/secret.ts';
import { usualGrant } from '../../src/policy/grant.ts';
import { fromServerVault } from '../../src/proxy/catalogue/server-vault.ts';
import type { Passage } from '../../src/proxy/downstream/login.ts';
import type { VaultReply } from '../../src/trasa/catalogue-reply.ts';
import type { VaultRequest } from '../../src/trasa/requests.ts';
import { proxyService } from '../helpers/proxy-service.ts';
import { folder, makeKey } from '../ssh/openssh.ts';

const passage: Passage = {
  id: '01J',
  person: 'alice@example.com',
  account: 'admin',
  service: { ...proxyService, accounts: ['admin', 'alice'], listed: { id: 'service-1', vault: ['admin'] } },
  grant: usualGrant(false),
};
const asked: VaultRequest[] = [];

async function stored(reply: VaultReply, changes: Partial<Passage> = {}) {
  const vault = async (request: VaultRequest) => {
    asked.push(request);
    return await Promise.resolve(reply);
  };
  return await fromServerVault({ ...passage, ...changes }, '192.0.2.7', vault, new AbortController().signal);
}

t.test('a password, or a key that signs, for this one login', async t => {
  const password = await stored({ kind: 'password', secret: new Secret('sesame') });
  t.equal(typeof password === 'object' && password.password?.expose(), 'sesame');
  t.same(asked, [
    { target: 'service-1', account: 'admin', person: 'alice@example.com', clientAddress: '192.0.2.7', attempt: '01J' },
  ]);
  for (const type of ['ed25519', 'ecdsa-256', 'rsa-2048'] as const) {
    const { path, key } = makeKey(join(folder(), 'deploy'), type);
    const found = await stored({ kind: 'key', secret: new Secret(readFileSync(path, 'utf8')) });
    t.equal(typeof found === 'object' && found.key && fingerprintOf(found.key.publicKey), fingerprintOf(key), type);
  }
});

t.test('nothing, and trouble, are told apart', async t => {
  t.same(await stored({ kind: 'none' }), {});
  t.match(await stored({ kind: 'unavailable', detail: 'unreachable' }), "the server's vault: unreachable");
  t.match(await stored({ kind: 'key', secret: new Secret('no key') }), /its key is none/);
});

t.test('the server is not asked where it has nothing', async t => {
  asked.length = 0;
  const { listed: _, ...own } = passage.service;
  const reply: VaultReply = { kind: 'password', secret: new Secret('sesame') };
  t.same(await stored(reply, { account: 'alice' }), {});
  t.same(await stored(reply, { service: own }), {});
  t.same(asked, []);
});
