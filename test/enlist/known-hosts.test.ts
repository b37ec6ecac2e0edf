import { chmodSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { installKnownHosts, withBlock } from '../../src/enlist/known-hosts.ts';
import { newPair } from '../ssh/authority.ts';
import { folder } from '../ssh/openssh.ts';

const [old, next] = [newPair().key, newPair().key];
const any = false;
const patterns = ['*.example.com'];
const others = Buffer.from('web9 ssh-ed25519 AAAA\n\xff\xfe not text\r\n# no end', 'latin1');

t.test('ours come and go, and what is around them stays to the byte', t => {
  const file = join(folder(), 'known');
  writeFileSync(file, others);
  chmodSync(file, 0o640);
  const put = (...cas: readonly (typeof old)[]) => installKnownHosts({ file, patterns, any, cas });
  t.strictSame(put(old), { kind: 'done', value: true });
  t.strictSame(put(old), { kind: 'done', value: false }, 'as it is');
  t.strictSame(put(old, next), { kind: 'done', value: true });
  const both = readFileSync(file, 'latin1');
  t.equal(both.match(/^@cert-authority \*\.example\.com ssh-ed25519 /gm)?.length, 2, 'two CAs in a rotation');
  t.equal(lstatSync(file).mode & 0o7777, 0o640);
  t.strictSame(installKnownHosts({ file, patterns: ['10.0.0.?'], any, cas: [old] }), { kind: 'done', value: true });
  t.strictSame(put(), { kind: 'done', value: true });
  t.notMatch(readFileSync(file, 'latin1'), 'example.com');
  t.match(readFileSync(file, 'latin1'), '@cert-authority 10.0.0.? ', "other patterns' block stays");
  installKnownHosts({ file, patterns: ['10.0.0.?'], any, cas: [] });
  t.ok(readFileSync(file).equals(others));
  t.strictSame(put(), { kind: 'done', value: false }, 'nothing to take out');
  t.end();
});

t.test('a new file is for everybody to read', t => {
  const file = join(folder(), 'known');
  t.match(installKnownHosts({ file, patterns, any, cas: [old] }), { kind: 'done' });
  t.equal(lstatSync(file).mode & 0o7777, 0o644);
  t.end();
});

t.test('what is refused changes nothing', t => {
  const here = folder();
  const file = join(here, 'known');
  writeFileSync(file, '# Begin: trasa-agent ca known-hosts *.example.com\nweb9 ssh-ed25519 AAAA\n');
  const before = readFileSync(file);
  t.match(installKnownHosts({ file, patterns, any, cas: [old] }), { kind: 'refused', text: /has no end/ });
  t.match(installKnownHosts({ file, patterns: ['*'], any, cas: [old] }), { kind: 'refused', text: /only --any/ });
  t.ok(readFileSync(file).equals(before));
  const link = join(here, 'link');
  symlinkSync(file, link);
  t.match(installKnownHosts({ file: link, patterns, any, cas: [old] }), {
    kind: 'refused',
    text: /not a regular file/,
  });
  t.ok(lstatSync(link).isSymbolicLink());
  t.match(installKnownHosts({ file: here, patterns, any, cas: [old] }), {
    kind: 'refused',
    text: /not a regular file/,
  });
  t.end();
});

t.test('a block is found wherever it stands, and only at the beginning of a line', t => {
  const block = withBlock('', 'x', 'line\n') ?? '';
  t.equal(withBlock(`a\n${block}b`, 'x', 'other\n'), `a\n${block.replace('line', 'other')}b`);
  t.equal(withBlock(`a\n${block}b`, 'x', ''), 'a\nb');
  t.equal(withBlock(`a ${block}`, 'x', ''), `a ${block}`);
  t.equal(withBlock(block, 'y', ''), block);
  t.end();
});
