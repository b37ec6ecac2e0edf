import t from 'tap';
import { byte, mpint, string, uint32, uint64, WireReader } from '../../src/ssh/wire.ts';

t.test('the examples of RFC 4251 §5 are written so, and read back', t => {
  t.equal(uint32(699_921_578).toString('hex'), '29b7f4aa');
  t.equal(string('testing').toString('hex'), '0000000774657374696e67');
  const numbers = { '': '00000000', '09a378f9b2e332a7': '0000000809a378f9b2e332a7', '80': '000000020080' };
  for (const [magnitude, wire] of Object.entries(numbers)) {
    t.equal(mpint(Buffer.from(magnitude, 'hex')).toString('hex'), wire);
    t.equal(new WireReader(Buffer.from(wire, 'hex')).mpint().toString('hex'), magnitude);
  }
  const reader = new WireReader(Buffer.concat([byte(7), byte(2), uint32(1), uint64(2n ** 64n - 1n), string('ö')]));
  t.strictSame(
    [reader.byte(), reader.boolean(), reader.uint32(), reader.uint64(), reader.text()],
    [7, true, 1, 2n ** 64n - 1n, 'ö'],
  );
  t.ok(reader.isWhole);
  t.end();
});

t.test('a number in a form that is not the shortest, or below zero, breaks the reader', t => {
  for (const wire of ['000000020001', '0000000100', '00000001ff', '0000000680000000000000']) {
    const reader = new WireReader(Buffer.from(wire, 'hex'));
    reader.mpint();
    t.notOk(reader.isWhole, wire);
  }
  t.end();
});

t.test('a broken reader stays broken, gives empty values and has no more', t => {
  const bytes = Buffer.concat([Buffer.from('ffffffff', 'hex'), string('behind')]);
  const reader = new WireReader(bytes);
  t.equal(reader.string().length, 0, 'a string of 4 GiB');
  t.notOk(reader.hasMore);
  t.strictSame(
    [reader.byte(), reader.boolean(), reader.uint32(), reader.uint64(), reader.text(), reader.mpint().length],
    [0, false, 0, 0n, '', 0],
  );
  t.notOk(reader.isWhole);
  t.end();
});

t.test('a text that is not UTF-8 breaks the reader, and a byte order mark is part of it', t => {
  const bad = new WireReader(string(Buffer.from([0xc0, 0x80])));
  t.equal(bad.text(), '');
  t.notOk(bad.isWhole);
  t.equal(new WireReader(string('\uFEFFa')).text(), '\uFEFFa');
  t.end();
});

t.test('what is left over is not whole', t => {
  const reader = new WireReader(Buffer.concat([string('a'), byte(0)]));
  t.equal(reader.text(), 'a');
  t.ok(reader.hasMore);
  t.notOk(reader.isWhole);
  t.equal(reader.consumed.length, 5);
  t.end();
});
