import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readHostKey } from '../../src/ca/host-key.ts';
import { privateKeyFile } from '../../src/ssh/private-key.ts';
import { parsePrivateKey } from '../../src/ssh/private-key-read.ts';
import { newPair } from './authority.ts';
import { folder, keygen, makeKey, softTypes, valueOf } from './openssh.ts';

const here = folder();

for (const type of softTypes)
  t.test(`a key of ${type}`, async t => {
    await t.test('that ssh-keygen made is read, in its own form and as PEM', t => {
      const { path, key } = makeKey(join(here, type), type);
      t.match(readHostKey(path), { kind: 'done', value: { publicKey: key } });
      if (type !== 'ed25519') keygen('-q', '-p', '-m', 'PEM', '-N', '', '-f', path);
      t.match(readHostKey(path), { kind: 'done', value: { publicKey: key } });
      t.end();
    });

    await t.test('that we write is what we read', t => {
      const jwk = newPair(type).privateKey.export({ format: 'jwk' });
      const { key_ops: _, ext: __, ...plain } = jwk;
      t.same(valueOf(parsePrivateKey(String(privateKeyFile(jwk, 'ours', 1)))), plain);
      t.end();
    });

    await t.test('that is bent or cut is no other key, and nothing breaks', t => {
      const text = String(privateKeyFile(newPair(type).privateKey.export({ format: 'jwk' }), 'ours', 1));
      for (let at = 0; at < text.trimEnd().length; at += 7) {
        parsePrivateKey(`${text.slice(0, at)}A${text.slice(at + 1)}`);
        t.equal(parsePrivateKey(text.slice(0, at)).kind, 'malformed');
      }
      t.end();
    });
  });

t.test('what is no such key is said', t => {
  const { path } = makeKey(join(here, 'locked'));
  keygen('-q', '-p', '-N', 'a passphrase', '-f', path);
  t.match(readHostKey(path), { kind: 'config', text: /locked: is kept under a passphrase/ });
  t.match(readHostKey(join(here, 'none')), { kind: 'config', text: /none: does not exist/ });
  t.match(readHostKey(`${path}.pub`), { kind: 'config', text: /can be read by everyone|is not a private key/ });
  t.match(parsePrivateKey(readFileSync(`${path}.pub`, 'utf8')), { kind: 'malformed', text: /is not a private key/ });
  t.end();
});
