import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { keyObjectOfPrivate } from '../../src/ca/host-key.ts';
import { nodeCrypto, signerOf } from '../../src/ca/node-crypto.ts';
import { parsePrivateKey } from '../../src/ssh/private-key-read.ts';
import { armored, dearmored, signMessage, verifyMessage } from '../../src/ssh/sshsig.ts';
import { newPair } from './authority.ts';
import { folder, keygen, makeKey, softTypes, valueOf } from './openssh.ts';

const here = folder();
const message = Buffer.from('what is to be signed\n');
const purpose = 'test@example.com';

function signerIn(file: string) {
  const signer = signerOf(keyObjectOfPrivate(valueOf(parsePrivateKey(readFileSync(file, 'utf8')))) ?? fail());
  return signer ?? fail();
}

function fail(): never {
  throw new Error('no key');
}

for (const type of softTypes)
  t.test(`signatures by a key of ${type}, which we read from ssh-keygen's file`, async t => {
    const { path, key } = makeKey(join(here, type), type);
    const file = join(here, `${type}.txt`);
    writeFileSync(file, message);

    await t.test('ours is good to ssh-keygen', async t => {
      const bytes = await signMessage(message, purpose, signerIn(path), nodeCrypto);
      writeFileSync(`${file}.ours`, armored(bytes));
      const verify = ['-Y', 'check-novalidate', '-n', purpose, '-s', `${file}.ours`];
      t.match(
        execFileSync('ssh-keygen', verify, { input: message, encoding: 'utf8' }),
        /Good "test@example.com" signature with/,
      );
    });

    await t.test('ssh-keygen’s is good to us, by either hash, and for this message, purpose and key only', async t => {
      for (const hash of ['sha256', 'sha512']) {
        keygen('-q', '-Y', 'sign', '-n', purpose, '-O', `hashalg=${hash}`, '-f', path, file);
        const text = readFileSync(`${file}.sig`, 'utf8');
        const bytes = dearmored(text) ?? fail();
        t.equal(armored(bytes), text, 'written as ssh-keygen does');
        rmSync(`${file}.sig`);
        t.equal(verifyMessage(message, purpose, key, bytes, nodeCrypto), true, hash);
        t.equal(verifyMessage(Buffer.from('else'), purpose, key, bytes, nodeCrypto), false);
        t.equal(verifyMessage(message, 'other@example.com', key, bytes, nodeCrypto), false);
        t.equal(verifyMessage(message, purpose, newPair(type).key, bytes, nodeCrypto), false);
        for (let at = 0; at < bytes.length; at += 1) {
          const bent = Buffer.from(bytes);
          bent[at] = (bent[at] ?? 0) ^ 1;
          const isTaken = verifyMessage(message, purpose, key, bent, nodeCrypto);
          const isCutTaken = verifyMessage(message, purpose, key, bytes.subarray(0, at), nodeCrypto);
          if (isTaken || isCutTaken) t.fail(`byte ${at}`);
        }
      }
    });
  });

t.test('what is no file of a signature', async t => {
  const good = armored(Buffer.from('signature'));
  t.strictSame(dearmored(good.replaceAll('\n', '\r\n')), Buffer.from('signature'));
  for (const text of [
    '',
    'x',
    good.replace('BEGIN', 'END'),
    good.replace(/c2ln/, '!'),
    good.split('\n')[0] ?? '',
    `x\n${good}`,
  ])
    t.equal(dearmored(text), undefined, JSON.stringify(text));
});
