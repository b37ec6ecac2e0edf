/** The PROXY protocol: what a balancer says, byte for byte. */
import t from 'tap';
import { parseProxyHeader } from '../../src/proxy/door/proxy-header.ts';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

const binary = (command: number, family: number, body: Buffer, length = body.length): Buffer =>
  Buffer.concat([signature, Buffer.of(command, family, length >> 8, length & 255), body]);

const v4 = Buffer.of(192, 0, 2, 7, 10, 0, 0, 1, 0xc0, 0x00, 0x1f, 0x56);
const v6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.of(0xc0, 0x00, 0x1f, 0x56),
]);
const mapped = Buffer.concat([Buffer.from('00000000000000000000ffffc0000207', 'hex'), v6.subarray(16)]);
const text = (line: string): Buffer => Buffer.from(line, 'latin1');

t.test('who comes, in one spelling', async t => {
  for (const [header, address] of [
    [text('PROXY TCP4 192.0.2.7 10.0.0.1 49152 8022\r\n'), '192.0.2.7'],
    [text('PROXY TCP6 2001:DB8:0:0::7 2001:db8::1 49152 8022\r\n'), '2001:db8::7'],
    [text('PROXY TCP6 ::ffff:192.0.2.7 ::1 0 65535\r\n'), '192.0.2.7'],
    [binary(0x21, 0x11, v4), '192.0.2.7'],
    [binary(0x21, 0x21, v6), '2001:db8::7'],
    [binary(0x21, 0x21, mapped), '192.0.2.7'],
    [binary(0x21, 0x11, Buffer.concat([v4, Buffer.from('0300046162636d', 'hex')])), '192.0.2.7'],
  ] as const)
    for (const rest of ['', 'SSH-2.0-x\r\n', 'PROXY TCP4 203.0.113.9 10.0.0.1 1 2\r\n'])
      t.strictSame(parseProxyHeader(Buffer.concat([header, text(rest)])), {
        kind: 'client',
        address,
        length: header.length,
      });
});

t.test('a balancer that speaks for itself', async t => {
  for (const header of [
    text('PROXY UNKNOWN\r\n'),
    text('PROXY UNKNOWN 203.0.113.9 10.0.0.1 1 2\r\n'),
    binary(0x20, 0x00, Buffer.alloc(0)),
    binary(0x20, 0x11, v4),
    binary(0x20, 0x31, Buffer.alloc(216)),
  ])
    t.strictSame(parseProxyHeader(header), { kind: 'balancer', length: header.length });
});

t.test('in pieces it is unfinished until its last byte', async t => {
  for (const header of [text('PROXY TCP4 192.0.2.7 10.0.0.1 49152 8022\r\n'), binary(0x21, 0x21, v6)]) {
    for (let length = 0; length < header.length; length++)
      t.equal(parseProxyHeader(header.subarray(0, length)).kind, 'unfinished', String(length));
    t.equal(parseProxyHeader(header).kind, 'client');
  }
});

t.test('what is not to the letter is malformed', async t => {
  for (const [what, bytes] of [
    ['SSH', text('SSH-2.0-OpenSSH_9.9\r\n')],
    ['small letters', text('proxy TCP4 192.0.2.7 10.0.0.1 1 2\r\n')],
    ['a tab', text('PROXY\tTCP4 192.0.2.7 10.0.0.1 1 2\r\n')],
    ['two blanks', text('PROXY TCP4  192.0.2.7 10.0.0.1 1 2\r\n')],
    ['a blank at the end', text('PROXY TCP4 192.0.2.7 10.0.0.1 1 2 \r\n')],
    ['another protocol', text('PROXY UDP4 192.0.2.7 10.0.0.1 1 2\r\n')],
    ['a name of all objects', text('PROXY constructor 192.0.2.7 10.0.0.1 1 2\r\n')],
    ['a path', text('PROXY UNIX /run/x /run/y\r\n')],
    ['an address of the other kind', text('PROXY TCP4 2001:db8::7 10.0.0.1 1 2\r\n')],
    ['zeros before a number, octal to some', text('PROXY TCP4 192.0.02.7 10.0.0.1 1 2\r\n')],
    ['an address with a zone', text('PROXY TCP6 fe80::1%lo ::1 1 2\r\n')],
    ['a name', text('PROXY TCP4 localhost 10.0.0.1 1 2\r\n')],
    ['three numbers', text('PROXY TCP4 192.0.2 10.0.0.1 1 2\r\n')],
    ['one port', text('PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n')],
    ['a port with a zero before it', text('PROXY TCP4 192.0.2.7 10.0.0.1 01 2\r\n')],
    ['a port beyond all', text('PROXY TCP4 192.0.2.7 10.0.0.1 65536 2\r\n')],
    ['a line that ends like those of Unix, and goes on', text(`PROXY TCP4 192.0.2.7 10.0.0.1 1 2\n${'x'.repeat(80)}`)],
    ['a line without an end', text(`PROXY TCP4 ${'1'.repeat(200)}`)],
    ['a line that ends too late', text(`PROXY UNKNOWN ${'1'.repeat(100)}\r\n`)],
    ['version 1 in binary', binary(0x11, 0x11, v4)],
    ['version 3', binary(0x31, 0x11, v4)],
    ['a command that is none', binary(0x22, 0x11, v4)],
    ['UDP', binary(0x21, 0x12, v4)],
    ['a Unix socket', binary(0x21, 0x31, Buffer.alloc(216))],
    ['no family', binary(0x21, 0x00, Buffer.alloc(0))],
    ['a family that is none', binary(0x21, 0x41, v6)],
    ['IPv6 in the space of IPv4', binary(0x21, 0x21, v4)],
    ['an address cut short', binary(0x21, 0x11, v4.subarray(0, 11))],
    ['64 KiB of extensions, announced', binary(0x21, 0x11, v4, 65_535)],
    ['64 KiB for a balancer that speaks for itself', binary(0x20, 0x00, Buffer.alloc(0), 65_535)],
  ] as const)
    t.equal(parseProxyHeader(bytes).kind, 'malformed', what);
});
