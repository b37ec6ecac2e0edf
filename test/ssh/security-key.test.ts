/** Signatures of security keys: made by OpenSSH with a device of software, and put together by hand. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, hash, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { nodeCrypto } from '../../src/ca/node-crypto.ts';
import { type PublicKey, parsePublicKey } from '../../src/ssh/public-key.ts';
import { isSecurityKey, type Presence, type SecurityKey, verifyBySecurityKey } from '../../src/ssh/security-key.ts';
import { verifySignature } from '../../src/ssh/signature.ts';
import { byte, mpint, string, uint32, WireReader } from '../../src/ssh/wire.ts';
import { type SecurityKeyType, softwareSecurityKeys } from '../helpers/e2e/security-key.ts';
import { keyOf } from './authority.ts';
import { keyIn, valueOf } from './openssh.ts';

const types: readonly SecurityKeyType[] = ['ed25519-sk', 'ecdsa-sk'];
const touch: Presence = { touch: true, verified: false };
const keys = softwareSecurityKeys();
const skip = typeof keys === 'string' && keys;

for (const type of types)
  t.test(`ssh-keygen -Y sign by ${type}`, { skip }, async t => {
    if (typeof keys === 'string') return;
    const path = keys.make(type, type);
    const key = keyIn(`${path}.pub`);
    if (!isSecurityKey(key)) throw new Error('is none of a device');
    const message = `${path}.message`;
    writeFileSync(message, 'a message');
    execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-n', 'file', '-f', path, message], {
      env: { ...process.env, SSH_SK_PROVIDER: keys.provider },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { signed, signature } = partsOf(readFileSync(`${message}.sig`, 'utf8'), Buffer.from('a message'));
    t.ok(verifyBySecurityKey(key, signed, signature, touch, nodeCrypto));
    t.notOk(
      verifyBySecurityKey(key, signed, signature, { touch: true, verified: true }, nodeCrypto),
      'nobody verified',
    );
    t.notOk(verifyBySecurityKey(key, Buffer.concat([signed, byte(0)]), signature, touch, nodeCrypto), 'other data');
    const other = { ...key, application: 'ssh:other' };
    t.notOk(verifyBySecurityKey(other, signed, signature, touch, nodeCrypto), 'another application');
    for (let at = 0; at < signature.length; at++) {
      const changed = Buffer.from(signature);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      if (verifyBySecurityKey(key, signed, changed, { touch: false, verified: false }, nodeCrypto))
        t.fail(`with a bit changed at ${at}`);
      if (verifyBySecurityKey(key, signed, signature.subarray(0, at), touch, nodeCrypto)) t.fail(`cut at ${at}`);
    }
    t.notOk(verifySignature(key, signed, signature, nodeCrypto), 'and none of a CA');
  });

const data = Buffer.from('what is signed');
for (const curve of ['ed25519', 'P-256'] as const)
  t.test(`the flags say what the person did: ${curve}`, t => {
    const { key, signed } = deviceOf(curve);
    const cases: [flags: number, demanded: Presence, isGood: boolean][] = [
      [0x00, { touch: false, verified: false }, true],
      [0x00, { touch: true, verified: false }, false],
      [0x01, { touch: true, verified: false }, true],
      [0x01, { touch: true, verified: true }, false],
      [0x04, { touch: true, verified: true }, false],
      [0x04, { touch: false, verified: true }, true],
      [0x05, { touch: true, verified: true }, true],
      [0xc5, { touch: true, verified: true }, true],
    ];
    for (const [flags, demanded, isGood] of cases)
      t.equal(
        verifyBySecurityKey(key, data, signed(flags), demanded, nodeCrypto),
        isGood,
        `${flags} for ${JSON.stringify(demanded)}`,
      );
    const raised = signed(0x00);
    raised[raised.length - 5] = 0x05;
    t.notOk(verifyBySecurityKey(key, data, raised, touch, nodeCrypto), 'flags that the device did not sign');
    t.notOk(
      verifyBySecurityKey(key, data, Buffer.concat([signed(0x01), byte(0)]), touch, nodeCrypto),
      'more behind it',
    );
    t.end();
  });

t.test('an algorithm of another kind of key is none', t => {
  const { key, signed } = deviceOf('ed25519');
  for (const name of ['ssh-ed25519', 'sk-ecdsa-sha2-nistp256@openssh.com', 'sk-ssh-ed25519']) {
    const renamed = Buffer.concat([string(name), signed(0x01).subarray(4 + key.type.length)]);
    t.notOk(verifyBySecurityKey(key, data, renamed, touch, nodeCrypto), name);
  }
  t.end();
});

/** A device of our own, put together from PROTOCOL.u2f. */
function deviceOf(curve: 'ed25519' | 'P-256'): { key: SecurityKey; signed: (flags: number) => Buffer } {
  const { privateKey } =
    curve === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: curve });
  const plain = keyOf(privateKey);
  const key = asSecurityKey(plain);
  return {
    key,
    signed: flags => {
      const counter = uint32(7);
      const digest = (bytes: Buffer | string): Buffer => hash('sha256', bytes, 'buffer');
      const body = Buffer.concat([digest(key.application), byte(flags), counter, digest(data)]);
      const made = sign(curve === 'ed25519' ? undefined : 'sha256', body, {
        key: privateKey,
        dsaEncoding: 'ieee-p1363',
      });
      const inner = curve === 'ed25519' ? made : Buffer.concat([mpint(made.subarray(0, 32)), mpint(made.subarray(32))]);
      return Buffer.concat([string(key.type), string(inner), byte(flags), counter]);
    },
  };
}

function asSecurityKey(plain: PublicKey): SecurityKey {
  const application = 'ssh:';
  if (plain.type === 'ssh-ed25519') return { type: 'sk-ssh-ed25519@openssh.com', point: plain.point, application };
  if (plain.type !== 'ecdsa-sha2-nistp256') throw new Error(`no device has a ${plain.type}`);
  return { type: 'sk-ecdsa-sha2-nistp256@openssh.com', point: plain.point, application };
}

/** What the signature in an armoured SSHSIG is over, and itself. */
function partsOf(armoured: string, message: Buffer): { signed: Buffer; signature: Buffer } {
  const reader = new WireReader(Buffer.from(armoured.replaceAll(/-----.*-----|\n/g, ''), 'base64').subarray(6));
  reader.uint32();
  valueOf(parsePublicKey(reader.string()));
  const [namespace, reserved, name] = [reader.string(), reader.string(), reader.string()];
  const digest = nodeCrypto.hash('sha512', message);
  const signed = Buffer.concat([
    Buffer.from('SSHSIG'),
    string(namespace),
    string(reserved),
    string(name),
    string(digest),
  ]);
  return { signed, signature: reader.string() };
}
