/** A CA whose key is in a real ssh-agent, from a file or from a PKCS #11 token; and agents that are none. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  type Authority,
  type Issuer,
  initCaOutside,
  issuerByAgent,
  openAuthority,
  unlockCa,
} from '../../src/ca/authority.ts';
import { finishRotation, startRotationOutside } from '../../src/ca/rotation.ts';
import { signUserKey } from '../../src/ca/user-certificate.ts';
import { parsePublicKeyLine } from '../../src/ssh/key-line.ts';
import type { PublicKey } from '../../src/ssh/public-key.ts';
import { byte, string, uint32 } from '../../src/ssh/wire.ts';
import { until } from '../helpers/e2e/until.ts';
import { judge, newCa, newPair, noon } from '../ssh/authority.ts';
import { folder, makeKey, valueOf as read, securityKeys, softTypes } from '../ssh/openssh.ts';
import { newAuthority, newDirectory, passphrase, valueOf } from './ca.ts';
import { noSoftHsm, softHsm, softToken } from './soft-hsm.ts';

let agents = 0;
const here = folder();
const byAgent = { kind: 'ssh-agent' } as const;
const { key } = newPair();
const terms = { principals: ['alice'], forSeconds: 300, extensions: [] };

for (const type of softTypes)
  t.test(`an ssh-agent signs with its key of ${type}, and nothing secret is on disk`, async t => {
    const socket = await startAgent(t);
    const ca = makeKey(join(here, type), type);
    sshAdd(socket, ca.path);
    const { authority, issuer } = caInAgent(t, ca.key, socket);
    const { certificate } = valueOf(await signUserKey(issuer, key, 'x', terms, noon));
    t.equal(judge(certificate, ca.key).kind, 'valid');
    t.match(await unlockCa(authority, 'user', passphrase), { kind: 'config', text: /kept by an ssh-agent/ });
    t.notMatch(readFileSync(join(authority.directory, 'ssh-user-ca.key'), 'utf8'), /sealed|PRIVATE/);
    t.match(initCaOutside(authority.directory, 'user', key, byAgent), {
      kind: 'refused',
      text: /already, and it stays/,
    });
  });

t.test('a PKCS #11 token behind an ssh-agent signs', { skip: noSoftHsm }, async t => {
  const token = softToken('1234');
  token.addKey('01', 'rsa');
  const askPin = join(here, 'pin.sh');
  writeFileSync(askPin, '#!/bin/sh\necho 1234\n', { mode: 0o700 });
  const env = { ...process.env, ...token.env, SSH_ASKPASS: askPin, SSH_ASKPASS_REQUIRE: 'force' };
  const socket = await startAgent(t, ['-P', `${softHsm},/usr/lib/*`], env);
  const add = (...args: string[]): string =>
    execFileSync('ssh-add', args, {
      env: { ...env, SSH_AUTH_SOCK: socket },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  add('-s', softHsm);
  const ca = read(parsePublicKeyLine(add('-L').split('\n')[0] ?? '')).key;
  const { issuer } = caInAgent(t, ca, socket);
  const { certificate } = valueOf(await signUserKey(issuer, key, 'x', terms, noon));
  t.equal(judge(certificate, ca).kind, 'valid');
});

t.test('an agent without the key, or none at all, is no certificate', async t => {
  const socket = await startAgent(t);
  const { issuer } = caInAgent(t, newCa().publicKey, socket);
  const refusal = await signUserKey(issuer, key, 'x', terms, noon);
  t.match(refusal, { kind: 'refused', text: /^no certificate: the agent at .* does not sign with the CA's key$/ });
  const missing = caInAgent(t, newCa().publicKey, join(here, 'none'));
  t.match(await signUserKey(missing.issuer, key, 'x', terms, noon), {
    kind: 'refused',
    text: /cannot be asked: .*ENOENT/,
  });
});

t.test('what answers like no agent, or with another signature, is no certificate', async t => {
  const ca = newCa();
  const stranger = newCa();
  const answers: [string, (socket: Socket) => void, RegExp][] = [
    ['nothing', socket => socket.end(), /went away without an answer/],
    ['a cut answer', socket => socket.end(Buffer.concat([uint32(100), byte(14)])), /went away without an answer/],
    ['4 GiB', socket => socket.write(uint32(0xffff_ffff)), /answers too much/],
    ['another message', socket => socket.write(string(byte(5))), /does not sign/],
    ['an empty message', socket => socket.write(string('')), /does not sign/],
    ['no signature', socket => socket.write(string(byte(14))), /something else than a signature/],
    [
      'noise',
      socket => socket.write(string(Buffer.concat([byte(14), string('noise')]))),
      /signature that is not its CA's/,
    ],
    [
      "a stranger's signature",
      socket =>
        void stranger.sign(Buffer.from('x')).then(one => socket.write(string(Buffer.concat([byte(14), string(one)])))),
      /signature that is not its CA's/,
    ],
  ];
  for (const [i, [what, answer, expected]] of answers.entries()) {
    const path = join(here, `fake-${i}`);
    const server = createServer(socket => void socket.on('error', () => {}).once('data', () => answer(socket))).listen(
      path,
    );
    await once(server, 'listening');
    const { issuer } = caInAgent(t, ca.publicKey, path);
    t.match(await signUserKey(issuer, key, 'x', terms, noon), { kind: 'refused', text: expected }, what);
    server.close();
  }
});

t.test('a CA on disk can be rotated into an agent', async t => {
  const socket = await startAgent(t);
  const next = makeKey(join(here, 'next'));
  sshAdd(socket, next.path);
  const { directory, close } = await newAuthority(['user']);
  close();
  const reopened = (): Authority => {
    const authority = valueOf(openAuthority(directory));
    t.teardown(() => authority.close());
    return authority;
  };
  valueOf(startRotationOutside(reopened(), 'user', next.key, byAgent));
  valueOf(finishRotation(reopened(), 'user', noon));
  const issued = await signUserKey(valueOf(issuerByAgent(reopened(), 'user', socket)), key, 'x', terms, noon);
  t.equal(judge(valueOf(issued).certificate, next.key).kind, 'valid');
});

t.test('a security key can be no CA', t => {
  const [securityKey = key] = securityKeys;
  t.match(initCaOutside(newDirectory(), 'user', securityKey, byAgent), { kind: 'refused', text: /can be no CA/ });
  t.end();
});

function caInAgent(
  t: Test,
  publicKey: PublicKey,
  socket: string,
): { readonly authority: Authority; readonly issuer: Issuer } {
  const directory = newDirectory();
  valueOf(initCaOutside(directory, 'user', publicKey, byAgent));
  const authority = valueOf(openAuthority(directory));
  t.teardown(() => authority.close());
  return { authority, issuer: valueOf(issuerByAgent(authority, 'user', socket)) };
}

/** @returns its socket */
async function startAgent(
  t: Test,
  flags: readonly string[] = [],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const socket = join(here, `agent-${agents++}`);
  const agent = spawn('ssh-agent', ['-D', '-a', socket, ...flags], { stdio: 'ignore', env });
  t.teardown(async () => {
    agent.kill();
    await once(agent, 'close');
  });
  await until('the agent', () => existsSync(socket));
  return socket;
}

function sshAdd(socket: string, file: string): void {
  execFileSync('ssh-add', ['-q', file], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'pipe' });
}
