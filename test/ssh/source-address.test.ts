import t from 'tap';
import { isWithin, parseAddressList } from '../../src/ssh/source-address.ts';

t.test('an address is within the blocks that hold it, and no other', t => {
  const rows: [string, string, boolean][] = [
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['192.0.2.1,198.51.100.0/24', '198.51.100.200', true],
    ['0.0.0.0/0', '203.0.113.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '203.0.113.1', false],
    ['2001:db8::/32', '2001:DB8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['2001:db8::192.0.2.1', '2001:db8::c000:201', true],
    ['192.0.2.0/24', '::ffff:192.0.2.9', true],
    ['10.0.0.0/8', '10.0.0.1.example.com', false],
    ['10.0.0.0/8', '10.0.0.01', false],
    ['10.0.0.0/8', '', false],
    ['fe80::/10', 'fe80::1%eth0', false],
  ];
  for (const [list, address, expected] of rows) {
    const blocks = parseAddressList(list);
    t.ok(blocks, list);
    t.equal(blocks !== undefined && isWithin(blocks, address), expected, `${address} in ${list}`);
  }
  t.end();
});

t.test('a list with one bad block is none', t => {
  const bad = ['', ',', '10.0.0.0/8,', '10.0.0.1/8', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/08', '10.0.0', '10.0.0.256'];
  bad.push('010.0.0.1', 'example.com', '::1/129', '1::2::3', ':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '::12345');
  bad.push(
    '1:2:3:4:5:6:7::8',
    '::1.2.3',
    '10.0.0.0/8 ',
    '!10.0.0.0/8',
    '10.0.0.*',
    ':1',
    '1:',
    '10.0.0.1,'.repeat(1000),
  );
  for (const list of bad) t.equal(parseAddressList(list), undefined, list.slice(0, 40));
  t.end();
});
