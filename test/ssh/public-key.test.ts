import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { keyObjectOf } from '../../src/ca/node-crypto.ts';
import { fingerprint } from '../../src/ssh/fingerprint.ts';
import { fromJwk, toJwk } from '../../src/ssh/jwk.ts';
import { parseKeyLine, parsePublicKeyLine, publicKeyLine } from '../../src/ssh/key-line.ts';
import { encodePublicKey, parsePublicKey } from '../../src/ssh/public-key.ts';
import { mpint, string } from '../../src/ssh/wire.ts';
import { keyOf, sha256 } from './authority.ts';
import { folder, keygen, makeKey, securityKeys, softTypes, valueOf, writePublicKey } from './openssh.ts';

const here = folder();

for (const type of softTypes)
  t.test(`a key of ssh-keygen -t ${type} is read and written as it was`, t => {
    const { path } = makeKey(join(here, type), type);
    const line = readFileSync(`${path}.pub`, 'utf8');
    const { key, comment } = valueOf(parsePublicKeyLine(line));
    t.equal(`${publicKeyLine(key, comment)}\n`, line);
    t.match(keygen('-l', '-f', `${path}.pub`), ` ${fingerprint(key, sha256)} `);
    t.strictSame(fromJwk(toJwk(key)), key);
    // ssh-keygen 9.2 exports no Ed25519.
    if (type !== 'ed25519') t.strictSame(keyOf(createPublicKey(keygen('-e', '-m', 'PKCS8', '-f', `${path}.pub`))), key);
    t.ok(keyObjectOf(key));
    t.end();
  });

for (const key of securityKeys)
  t.test(`ssh-keygen reads our ${key.type}`, t => {
    const file = writePublicKey(join(here, `${key.type}.pub`), key);
    t.match(keygen('-l', '-f', file), ` ${fingerprint(key, sha256)} `);
    t.strictSame(valueOf(parsePublicKey(encodePublicKey(key))), key);
    t.ok(keyObjectOf(key));
    t.end();
  });

t.test('what is no key is refused, with the reason', t => {
  const ed25519 = encodePublicKey(makeKey(join(here, 'sample')).key);
  const rsa = makeKey(join(here, 'rsa-sample'), 'rsa-2048').key;
  const point = Buffer.alloc(65, 4);
  const cases: [string, Buffer, RegExp][] = [
    ['nothing', Buffer.alloc(0), /not known/],
    ['an unknown type', string('ssh-dss'), /not known \(ssh-dss\)/],
    ['a prototype name', string('constructor'), /not known/],
    ['cut short', ed25519.subarray(0, -1), /not a whole/],
    ['something behind it', Buffer.concat([ed25519, Buffer.of(0)]), /not a whole/],
    ['a length of 4 GiB', Buffer.concat([string('ssh-ed25519'), Buffer.alloc(4, 0xff)]), /not a whole/],
    ['a short point', Buffer.concat([string('ssh-ed25519'), string(Buffer.alloc(31))]), /none of Ed25519/],
    ['the wrong curve', ecdsa('nistp384', point), /none of nistp256/],
    ['a compressed point', ecdsa('nistp256', Buffer.alloc(33, 2)), /none of nistp256/],
    [
      'a negative modulus',
      Buffer.concat([string('ssh-rsa'), mpint(Buffer.of(3)), string(Buffer.alloc(256, 0xff))]),
      /whole/,
    ],
    ['RSA of 1024 bits', rsaKey(Buffer.of(3), Buffer.alloc(128, 0xff)), /1024 bits; 2048 to 16384/],
    ['RSA of 16385 bits', rsaKey(Buffer.of(3), Buffer.concat([Buffer.of(1), Buffer.alloc(2048, 0xff)])), /16385 bits/],
    ['RSA with exponent 1', rsaKey(Buffer.of(1), Buffer.alloc(256, 0xff)), /not an RSA key/],
    ['RSA with an even modulus', rsaKey(Buffer.of(3), Buffer.alloc(256, 0xfe)), /not an RSA key/],
  ];
  for (const [what, blob, expected] of cases)
    t.match(parsePublicKey(blob), { kind: 'malformed', text: expected }, what);
  t.match(parsePublicKey(encodePublicKey(rsa)), { kind: 'parsed' });
  t.equal(keyObjectOf(valueOf(parsePublicKey(ecdsa('nistp256', point)))), undefined, 'a point beside the curve');
  t.end();
});

t.test('a line is read with or without a comment, and nothing else', t => {
  const { key } = makeKey(join(here, 'lined'));
  const line = publicKeyLine(key);
  for (const good of [line, `${line}\n`, ` ${line}  a comment of words \r\n`])
    t.match(parsePublicKeyLine(good), { kind: 'parsed' }, JSON.stringify(good));
  const bad: [string, RegExp][] = [
    ['', /not a public key/],
    [`no-pty ${line}`, /without options/],
    [`${line}\n${line}`, /more than one line/],
    [line.replace('ssh-ed25519', 'ssh-rsa'), /not the ssh-rsa that it says/],
    [line.slice(0, -2), /not base64/],
    [`ssh-ed25519 ${'A'.repeat(64_000)}`, /too long/],
  ];
  for (const [text, expected] of bad)
    t.match(parseKeyLine(text), { kind: 'malformed', text: expected }, text.slice(0, 80));
  t.end();
});

function ecdsa(curve: string, point: Buffer): Buffer {
  return Buffer.concat([string('ecdsa-sha2-nistp256'), string(curve), string(point)]);
}

function rsaKey(exponent: Buffer, modulus: Buffer): Buffer {
  return Buffer.concat([string('ssh-rsa'), mpint(exponent), mpint(modulus)]);
}
