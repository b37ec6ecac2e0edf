import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { setImmediate as round } from 'node:timers/promises';
import t from 'tap';
import { Penalties } from '../../src/proxy/door/penalties.ts';
import { Startups, sourceOf } from '../../src/proxy/door/startups.ts';
import { Turns } from '../../src/proxy/door/turns.ts';
import { parseAddressList } from '../../src/ssh/source-address.ts';

t.test('a household: an IPv4 address, or 64 bits of IPv6, however it is written', async t => {
  t.equal(sourceOf('192.0.2.7'), '192.0.2.7');
  const same = ['2001:db8::1', '2001:0db8:0:0::2', '2001:db8:0:0:ffff:ffff:ffff:ffff', '2001:DB8::a:b%eth0'];
  for (const address of same) t.equal(sourceOf(address), '2001:db8:0:0::/64', address);
  t.equal(sourceOf('::1'), '0:0:0:0::/64');
  t.not(sourceOf('2001:db8:0:1::1'), sourceOf('2001:db8::1'));
});

t.test('places: so many in all, so many for one source, and each is given back once', async t => {
  const startups = new Startups({ all: 3, perSource: 2 });
  const leave = startups.enter('192.0.2.1');
  t.ok(leave);
  t.ok(startups.enter('192.0.2.1'));
  t.notOk(startups.enter('192.0.2.1'), 'a third from there');
  t.ok(startups.enter('192.0.2.2'));
  t.notOk(startups.enter('192.0.2.3'), 'a fourth in all');
  leave?.();
  leave?.();
  t.equal(startups.count, 2);
  t.ok(startups.enter('192.0.2.3'));
  t.notOk(startups.enter('192.0.2.4'));
});

t.test('strangers are read in turns: one in each round, in the order in which they have spoken', async t => {
  const turns = new Turns();
  const read: string[] = [];
  const make = (name: string): PassThrough => {
    const stream = new PassThrough().on('data', () => read.push(name));
    turns.take(stream as unknown as Socket, () => name === 'logged in');
    return stream;
  };
  const streams = ['one', 'two', 'three', 'logged in'].map(make);
  const speak = (): void => streams.forEach(stream => stream.write('x'));
  speak();
  await round();
  read.length = 0;
  speak();
  speak();
  t.same(
    read.filter(name => name === 'logged in'),
    ['logged in', 'logged in'],
    'who is logged in does not wait',
  );
  let most = 0;
  for (let rounds = 0; rounds < 20; rounds++) {
    const before = read.length;
    await round();
    most = Math.max(most, read.length - before);
  }
  t.equal(most, 1);
  t.same(new Set(read), new Set(['one', 'two', 'three', 'logged in']));
});

t.test('penalties: who is kept out is listed until they are let in again, and can be forgiven', async t => {
  let now = 1_000_000;
  const penalties = new Penalties(() => now, []);
  for (let i = 0; i < 4; i++) penalties.add('2001:db8::7', 'wrong-login');
  for (let i = 0; i < 3; i++) penalties.add('192.0.2.1', 'wrong-login');
  penalties.add('192.0.2.2', 'wrong-login');
  t.strictSame(penalties.keptOut, [
    { source: '192.0.2.1', until: now },
    { source: '2001:db8:0:0::/64', until: now + 5_000 },
  ]);
  t.notOk(penalties.forgive('192.0.2.3'), 'nothing is held against it');
  t.ok(penalties.forgive('2001:db8:0:0:1::'), 'any address of a household');
  t.notOk(penalties.isOut('2001:db8::7'));
  penalties.exempt = parseAddressList('192.0.2.1') ?? [];
  t.strictSame(penalties.keptOut, []);
  penalties.exempt = [];
  now += 1;
  t.strictSame(penalties.keptOut, []);
  t.notOk(penalties.isOut('192.0.2.1'), 'by the same rule');
});

t.test('penalties: small ones keep nobody out, they add up, are bounded, and pass', async t => {
  let now = 1_000_000;
  const penalties = new Penalties(() => now, parseAddressList('10.0.0.0/8') ?? []);
  for (let i = 0; i < 2; i++) penalties.add('192.0.2.1', 'wrong-login');
  t.notOk(penalties.isOut('192.0.2.1'), 'ten seconds');
  penalties.add('192.0.2.1', 'wrong-login');
  t.ok(penalties.isOut('192.0.2.1'), 'fifteen');
  t.notOk(penalties.isOut('192.0.2.2'), 'nobody else');
  for (let i = 0; i < 10_000; i++) penalties.add('192.0.2.1', 'too-slow');
  now += 600_000 - 14_999;
  t.notOk(penalties.isOut('192.0.2.1'), 'ten minutes at most');
  for (let i = 0; i < 10; i++) penalties.add('10.1.2.3', 'too-slow');
  t.notOk(penalties.isOut('10.1.2.3'), 'a gateway');
  for (let i = 0; i < 70_000; i++) penalties.add(`192.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 'too-slow');
  t.notOk(penalties.isOut('192.0.0.0'), 'the oldest are forgotten first, so that memory is bounded');
});
