import { join } from 'node:path';
import t from 'tap';
import { doorLines } from '../../src/report/doors.ts';
import { ruleLines } from '../../src/report/rules.ts';
import { defaultPolicy } from '../helpers/fake-ports.ts';

t.test('the lines that name us are found, each at its place; comments and other files are not', async t => {
  const root = t.testdir({
    etc: {
      ssh: {
        sshd_config:
          '# ForceCommand exec trasa-agent login\nPort 22\nForceCommand exec /usr/lib/trasa-agent/trasa-agent login\n',
        'sshd_config.d': {
          '10.conf': 'ForceCommand trasa-agent login\u001b[2J',
          '10.conf.bak': 'ForceCommand trasa-agent login',
        },
      },
      'pam.d': {
        sshd: '#auth required pam_trasa.so\nauth required pam_trasa.so\n',
        sudo: 'auth required pam_exec.so quiet /usr/bin/trasa-agent pam\n',
        'sshd.dpkg-old': 'auth required pam_trasa.so\n',
      },
    },
  });
  t.same(doorLines(root), [
    '/etc/ssh/sshd_config:3: ForceCommand exec /usr/lib/trasa-agent/trasa-agent login',
    '/etc/ssh/sshd_config.d/10.conf:1: ForceCommand trasa-agent login?[2J',
    '/etc/pam.d/sshd:2: auth required pam_trasa.so',
    '/etc/pam.d/sudo:1: auth required pam_exec.so quiet /usr/bin/trasa-agent pam',
  ]);
  t.same(doorLines(join(root, 'nowhere')), []);
});

t.test('the rules are said in sentences, and what opens without a factor as a warning', async t => {
  t.same(ruleLines(defaultPolicy), [
    'required of everybody who is not exempt',
    'nobody is exempt',
    'every login asks',
    'while no server can be reached nobody enters (failMode = "secure")',
  ]);
  t.match(ruleLines({ ...defaultPolicy, observe: true })[0], /^WARNING: nobody is asked yet/);
  t.same(
    ruleLines({
      ...defaultPolicy,
      requiredUsers: ['alice'],
      requiredGroups: ['wheel', 'dev'],
      exemptUsers: ['robot'],
      graceMs: 60_000,
      failMode: 'safe',
      failSafeOn: ['unreachable'],
      offlineUsers: ['root'],
    }),
    [
      'required of the users alice; the groups wheel, dev; of nobody else',
      'exempt: the users robot',
      'not asked again for 60 s after a login',
      'WARNING: while no server can be reached everybody enters without it (failMode = "safe": unreachable)',
      'WARNING: while no server can be reached these enter without it: root (offlineUsers)',
    ],
  );
});
