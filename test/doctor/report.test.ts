import t from 'tap';
import { examine } from '../../src/doctor/examine.ts';
import { asJson, asText, statusOf } from '../../src/doctor/report.ts';
import { alice, goodHost, probe, root, sshdOf, withPolicy } from './facts.ts';

const key = { authenticationmethods: 'publickey', usepam: 'no' };
const bad = { ...goodHost, services: [], sshd: sshdOf(probe(alice, key), probe(root, key)), unseen: ['one thing'] };

t.test('a person reads what, about whom, why, and the line that mends it', async t => {
  t.equal(
    asText(examine(bad), { host: bad, proxy: undefined }),
    `hole: alice, root: publickey lets in, and nothing asks for a second factor [sshd-unguarded]
    authenticationmethods publickey
    usepam no
    forcecommand none
  mend: account required pam_trasa.so (/etc/pam.d/sshd, before @include common-account), and UsePAM yes (sshd_config)
warning: one thing [not-examined]
  mend: name them with --user
1 hole, 1 warning (looked at: 2 accounts, no PAM services, 1 server)
`,
  );
  t.equal(
    asText([], { host: goodHost, proxy: undefined }),
    'nothing found (looked at: 2 accounts, PAM services sshd, 1 server)\n',
  );
});

t.test('a program reads the same, and counts', async t => {
  const { findings, count } = JSON.parse(asJson(examine(bad))) as { findings: unknown; count: unknown };
  t.strictSame(findings, JSON.parse(JSON.stringify(examine(bad))));
  t.strictSame(count, { hole: 1, breakage: 0, warning: 1, note: 0 });
});

t.test('the status says how bad it is', async t => {
  t.equal(statusOf(examine(goodHost)), 0);
  t.equal(statusOf(examine({ ...goodHost, config: withPolicy({ exemptUsers: ['alice'] }) })), 0, 'notes do not count');
  t.equal(statusOf(examine({ ...goodHost, unseen: ['x'] })), 1);
  t.equal(statusOf(examine({ ...goodHost, missing: [{ path: '/x', namedAt: '/y:1' }] })), 2);
  t.equal(statusOf(examine(bad)), 2);
});
