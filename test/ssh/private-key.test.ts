import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { publicKeyLine } from '../../src/ssh/key-line.ts';
import { privateKeyFile } from '../../src/ssh/private-key.ts';
import { newPair } from './authority.ts';
import { folder, keygen, keyIn, makeKey, softTypes } from './openssh.ts';

const here = folder();

for (const type of softTypes)
  t.test(`ssh-keygen reads our private key of ${type}, and signs with it`, t => {
    const { privateKey, key } = newPair(type);
    const file = join(here, type);
    writeFileSync(file, privateKeyFile(privateKey.export({ format: 'jwk' }), 'ours', 0x12345678) ?? '');
    chmodSync(file, 0o600);
    t.equal(keygen('-y', '-f', file), `${publicKeyLine(key, 'ours')}\n`);
    const subject = makeKey(join(here, `${type}-subject`)).path;
    keygen('-q', '-s', file, '-I', 'x', '-n', 'alice', `${subject}.pub`);
    t.strictSame(keyIn(`${subject}.pub`).type, 'ssh-ed25519');
    t.end();
  });

t.test('an Ed25519 key that begins with zeros keeps them', t => {
  const { key } = newPair();
  const x = key.type === 'ssh-ed25519' ? key.point.toString('base64url') : '';
  const file = privateKeyFile({ kty: 'OKP', crv: 'Ed25519', x, d: Buffer.alloc(32).toString('base64url') }, '', 0);
  const body = Buffer.from((file ?? '').toString().replace(/-----.*-----|\n/g, ''), 'base64');
  t.ok(body.includes(Buffer.concat([Buffer.from('00000040', 'hex'), Buffer.alloc(32)])));
  t.end();
});

t.test('a public key, or a key of another kind, has no such file', t => {
  const { key } = newPair();
  const x = key.type === 'ssh-ed25519' ? key.point.toString('base64url') : '';
  t.equal(privateKeyFile({ kty: 'OKP', crv: 'Ed25519', x }, '', 0), undefined);
  t.equal(privateKeyFile({ kty: 'OKP', crv: 'X25519', x, d: x }, '', 0), undefined);
  t.end();
});
