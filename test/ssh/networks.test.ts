import t from 'tap';
import { parseNetwork, withinNetworks } from '../../src/ssh/source-address.ts';

t.test('addresses and CIDR blocks are read, and nothing else', async t => {
  t.equal(parseNetwork('10.0.0.0/8'), '10.0.0.0/8');
  t.equal(parseNetwork(' 192.0.2.7 '), '192.0.2.7/32');
  t.equal(parseNetwork('2001:DB8::/32'), '2001:db8::/32');
  t.equal(parseNetwork('::1'), '::1/128');
  t.equal(parseNetwork('0.0.0.0/0'), '0.0.0.0/0');
  for (const text of ['', '10.0.0.0/33', '::/129', '10.0.0/8', 'host', '10.0.0.0/', '10.0.0.0/-1', '010.0.0.1', '*'])
    t.equal(parseNetwork(text), undefined, text);
});

t.test('an address is inside its networks, of both families', async t => {
  const networks = ['10.0.0.0/8', '192.0.2.7/32', '2001:db8::/32'];
  for (const inside of ['10.255.0.1', '192.0.2.7', '2001:db8:1::1', '::ffff:10.1.2.3'])
    t.ok(withinNetworks(networks, inside), inside);
  for (const outside of ['11.0.0.1', '192.0.2.8', '2001:db9::1', '', 'host', '10.0.0.1 ', '10.0.0.1/32'])
    t.notOk(withinNetworks(networks, outside), outside);
  t.ok(withinNetworks(['0.0.0.0/0'], '8.8.8.8'));
  t.notOk(withinNetworks(['0.0.0.0/0'], '2001:db8::1'), 'all of IPv4 is nothing of IPv6');
});
