import t from 'tap';
import {
  bitString,
  boolean,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  time,
} from '../../../src/server/tls/der.ts';

const hex = (bytes: Buffer): string => bytes.toString('hex');

t.test('integers have no superfluous zeros, and no sign', async t => {
  t.equal(hex(integer(Buffer.of(0))), '020100');
  t.equal(hex(integer(Buffer.of(0x7f))), '02017f');
  t.equal(hex(integer(Buffer.of(0x80))), '02020080');
  t.equal(hex(integer(Buffer.of(0, 0, 1))), '020101');
  t.equal(hex(integer(Buffer.alloc(0))), '020100');
});

t.test('lengths are short up to 127, and long from there', async t => {
  t.equal(hex(octetString(Buffer.alloc(127))).slice(0, 4), '047f');
  t.equal(hex(octetString(Buffer.alloc(128))).slice(0, 6), '048180');
  t.equal(hex(octetString(Buffer.alloc(256))).slice(0, 8), '04820100');
  t.equal(hex(octetString(Buffer.alloc(65_536))).slice(0, 10), '0483010000');
});

t.test('object identifiers are base 128', async t => {
  t.equal(hex(objectIdentifier('1.2.840.10045.4.3.2')), '06082a8648ce3d040302');
  t.equal(hex(objectIdentifier('2.5.4.3')), '0603550403');
});

t.test('the rest is as X.690 writes it', async t => {
  t.equal(hex(boolean(true)), '0101ff');
  t.equal(hex(boolean(false)), '010100');
  t.equal(hex(sequence()), '3000');
  t.equal(hex(bitString(Buffer.of(0x80), 7)), '03020780');
  t.equal(time(new Date('2026-11-23T12:34:56.789Z')).subarray(2).toString(), '261123123456Z');
  t.equal(time(new Date('2050-01-01T00:00:00Z')).subarray(2).toString(), '20500101000000Z');
});
