import t from 'tap';
import { parseDuration } from '../../src/ca/duration.ts';
import { knownHostsLines } from '../../src/ca/known-hosts.ts';
import { newPair } from '../ssh/authority.ts';

t.test('a duration is a number and a unit', t => {
  const good: [string, number][] = [
    ['10s', 10],
    ['5m', 300],
    ['12h', 43_200],
    ['30d', 2_592_000],
    ['2w', 1_209_600],
    ['3650d', 315_360_000],
  ];
  for (const [text, seconds] of good) t.equal(parseDuration(text), seconds, text);
  for (const text of ['', '5', '5M', '5 m', '-5m', '1.5h', '9s', '0d', '3651d', '9999999999d', '5y', '1h30m'])
    t.equal(parseDuration(text), undefined, text);
  t.end();
});

t.test('a line of known_hosts is for the hosts that are named', t => {
  const { key } = newPair();
  t.match(knownHostsLines([key], ['*.example.com', '10.0.0.?', '[*.example.com]:2222', '!old.example.com'], false), {
    value:
      /^@cert-authority \*\.example\.com,10\.0\.0\.\?,\[\*\.example\.com\]:2222,!old\.example\.com ssh-ed25519 AAAA/,
  });
  for (const wide of ['*', '*.*', '?*', '[*]:*'])
    t.match(knownHostsLines([key], ['web1', wide], false), { kind: 'refused', text: /only --any allows/ }, wide);
  t.match(knownHostsLines([key], ['*'], true), { kind: 'done' });
  for (const bad of ['', 'a b', 'a,b', 'a\nb', '#', 'ä'])
    t.match(knownHostsLines([key], [bad], true), { kind: 'refused' }, bad);
  t.end();
});
