import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { matchLines, parseMatches } from '../../src/system/sshd-match.ts';

t.test('each Match line about a connection gives one that it matches', async t => {
  const { samples } = parse([
    'Address 10.0.0.0/8,!10.1.0.0/16',
    'address 192.168.1.* User bob',
    'Host "*.example.com" LocalPort 2222',
    'LocalAddress 2001:db8::/32',
    'Address=203.0.113.7/32 # one host',
    'Address !10.0.0.1,*',
    'User alice',
    'all',
    'Address 10.0.0.0/8',
    '',
  ]);
  t.strictSame(samples, [
    { place: 'x:1', address: '10.0.0.1' },
    { place: 'x:2', address: '192.168.1.1' },
    { place: 'x:3', host: 'x.example.com', localPort: 2222 },
    { place: 'x:4', localAddress: '2001:db8::1' },
    { place: 'x:5', address: '203.0.113.7' },
  ]);
});

t.test('accounts that are named are found, patterns are not', async t => {
  t.strictSame(parse(['User alice,b*,!carol', 'Group x User dave']).users, ['alice', 'dave']);
});

t.test('includes are followed, once each', async t => {
  const folder = t.testdir({
    sshd_config: '',
    conf: { '20-b.conf': 'Match User second\n', '10-a.conf': '  match user first\nInclude=LOOP\n' },
  });
  const file = join(folder, 'sshd_config');
  writeFileSync(
    file,
    `# Match User no\nInclude ${folder}/conf/*.conf "${folder}/lost"\nMatch User third\nInclude ${file}\n`,
  );
  const { users, files, placesOf } = matchLines(file);
  t.strictSame(users, ['first', 'second', 'third']);
  t.strictSame(
    [...placesOf('include')].toSorted(),
    [`${join(folder, 'conf/10-a.conf')}:2`, `${file}:2`, `${file}:4`].toSorted(),
  );
  t.strictSame(placesOf('usepam'), []);
  t.strictSame(files, [file, join(folder, 'conf/10-a.conf'), join(folder, 'conf/20-b.conf')]);
});

function parse(criteria: readonly string[]): ReturnType<typeof parseMatches> {
  return parseMatches(criteria.map((one, index) => ({ place: `x:${index + 1}`, criteria: one })));
}
