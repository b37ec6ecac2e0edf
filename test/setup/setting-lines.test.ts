import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { competingLines, includeOf, settingLines } from '../../src/setup/setting-lines.ts';
import { privateDirectory } from '../config/place.ts';

const folder = privateDirectory(t);
const main = join(folder, 'sshd_config');
const dropIn = join(folder, 'sshd_config.d/10-trasa-agent.conf');

function write(files: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, 'sshd_config.d'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

t.test('lines come in the order in which sshd reads them, with the Match around them', async t => {
  write({
    sshd_config: `# comment\nInclude ${folder}/sshd_config.d/*.conf\nX11Forwarding=yes\nMatch User bob\n\tForceCommand  a  b\n`,
    'sshd_config.d/05-a.conf': 'Match Group staff\nForceCommand x\n',
    'sshd_config.d/10-trasa-agent.conf': 'ForceCommand ours\n',
  });
  t.strictSame(
    settingLines(main).map(({ file, line, name, value, match }) => [
      file.slice(folder.length + 1),
      line,
      name,
      value,
      match,
    ]),
    [
      ['sshd_config', 2, 'include', `${folder}/sshd_config.d/*.conf`, ''],
      ['sshd_config.d/05-a.conf', 1, 'match', 'Group staff', 'Group staff'],
      ['sshd_config.d/05-a.conf', 2, 'forcecommand', 'x', 'Group staff'],
      ['sshd_config.d/10-trasa-agent.conf', 1, 'forcecommand', 'ours', ''],
      ['sshd_config', 3, 'x11forwarding', 'yes', ''],
      ['sshd_config', 4, 'match', 'User bob', 'User bob'],
      ['sshd_config', 5, 'forcecommand', 'a b', 'User bob'],
    ],
  );
  t.match(competingLines(main, dropIn, 'forcecommand', 'A B'), [{ line: 5, match: 'User bob' }]);
  t.equal(competingLines(main, dropIn, 'forcecommand', 'none').length, 2);
  t.match(includeOf(main, dropIn), { line: 2 });
});

t.test('an Include that would not reach our file is none', async t => {
  for (const text of [
    '',
    `#Include ${folder}/sshd_config.d/*.conf`,
    `Match User bob\nInclude ${folder}/sshd_config.d/*.conf`,
    `Include ${folder}/sshd_config.d/50-*.conf`,
    `Include ${folder}/other.d/*.conf`,
  ]) {
    write({ sshd_config: `${text}\n` });
    t.equal(includeOf(main, dropIn), undefined, text);
  }
  for (const text of [
    `Include ${folder}/a.conf ${folder}/sshd_config.d/*.conf`,
    `Include "${folder}/sshd_config.d/*"`,
    'Include sshd_config.d/1?-*.conf',
  ]) {
    write({ sshd_config: `${text}\n` });
    t.match(includeOf(main, dropIn), { line: 1 }, text);
  }
});

t.test('files that include each other come to an end', async t => {
  write({ sshd_config: `Include ${main}\nUsePAM yes\n` });
  t.ok(settingLines(main).length < 100);
});
