/** What is found in which facts. One host on which all is well, and everything that is wrong with it, one at a time. */
import t, { type Test } from 'tap';
import { catalog, type FindingId } from '../../src/doctor/catalog.ts';
import { examine } from '../../src/doctor/examine.ts';
import type { Facts } from '../../src/doctor/facts.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { alice, forced, goodHost, guardedSshd, loaded, probe, root, service, sshdOf, withPolicy } from './facts.ts';

const proved = new Set<string>();

function findings(changes: Partial<Facts>): Finding[] {
  const found = examine({ ...goodHost, ...changes });
  for (const { id } of found) proved.add(id);
  return found;
}

/** These ids, and no others. */
function finds(t: Pick<Test, 'strictSame'>, changes: Partial<Facts>, ...ids: readonly FindingId[]): readonly Finding[] {
  const found = findings(changes);
  t.strictSame(
    found.map(({ id }) => id),
    ids,
    ids.join(', '),
  );
  return found;
}

const forcedHost = (changes: Parameters<typeof probe>[1] = {}, more: Partial<Facts> = {}): Partial<Facts> => ({
  sshd: sshdOf(probe(alice, { ...forced, ...changes })),
  services: [],
  ...more,
});
const pamHost = (changes: Parameters<typeof probe>[1] = {}, text?: string): Partial<Facts> => ({
  sshd: sshdOf(probe(alice, changes)),
  services: [text === undefined ? guardedSshd : service('sshd', text)],
});

t.test('on a host where all is well nothing is found', async t => {
  t.strictSame(findings({}), []);
  t.strictSame(findings(forcedHost()), []);
});

t.test('a method after which nothing asks', async t => {
  const [one] = finds(t, { services: [], sshd: sshdOf(probe(alice), probe(root)) }, 'sshd-unguarded');
  t.match(one, { severity: 'hole', who: ['alice', 'root'], what: /^publickey and keyboard-interactive lets in/ });
  const authOnly = service('sshd', 'auth required pam_trasa.so\naccount required pam_permit.so\n');
  finds(t, { services: [authOnly] });
  const key = { authenticationmethods: 'publickey' };
  const [from] = finds(
    t,
    { services: [authOnly], sshd: sshdOf(probe(alice), probe(alice, key, 'from 10.0.0.1')) },
    'sshd-unguarded',
  );
  t.match(from, {
    who: ['alice from 10.0.0.1'],
    evidence: ['authenticationmethods publickey', 'usepam yes', 'forcecommand none'],
  });
  finds(t, {
    services: [authOnly],
    sshd: sshdOf(probe(alice, { authenticationmethods: 'publickey,keyboard-interactive publickey,password' })),
  });
  finds(t, forcedHost({ forcecommand: 'internal-sftp' }), 'sshd-unguarded');
  finds(t, forcedHost({ forcecommand: '/bin/sh -c trasa-agent-login' }), 'sshd-unguarded');
  finds(t, forcedHost({ forcecommand: 'exec /usr/bin/trasa-agent login --socket /run/x' }));
  for (const forcecommand of [
    'trasa-agent login',
    '/etc/hook; exec /usr/bin/trasa-agent login',
    '/usr/bin/trasa-agent login || true',
  ])
    finds(t, forcedHost({ forcecommand }), 'not-examined');
});

t.test('an account that needs no second factor, or that sshd does not let in, has no such method', async t => {
  const bare = { services: [], sshd: sshdOf(probe(alice)) };
  finds(t, { ...bare, config: withPolicy({ exemptUsers: ['alice'] }) }, 'exempt');
  finds(t, { ...bare, config: { kind: 'broken', problems: [] } }, 'sshd-unguarded');
  for (const changes of [
    { denyusers: 'bob ali*' },
    { allowusers: ['bob', 'carol@192.0.2.*'] },
    { denygroups: 'st?ff' },
    { allowgroups: 'admins' },
  ])
    finds(t, { ...bare, sshd: sshdOf(probe(alice, changes)) });
  for (const changes of [
    { allowusers: 'alice@198.51.100.*' },
    { denyusers: 'alice@198.51.100.*' },
    { allowgroups: 'admins staff' },
    { denygroups: 'a' },
  ])
    finds(t, { ...bare, sshd: sshdOf(probe(alice, changes)) }, 'sshd-unguarded');
  finds(t, { ...bare, sshd: sshdOf(probe(root, { permitrootlogin: 'no' })) });
});

t.test('a setting is shown with the lines that set it', async t => {
  const sshd = sshdOf(probe(alice, { authenticationmethods: 'publickey' }));
  if (sshd.kind === 'refused') throw new Error('no sshd');
  const placesOf = (name: string): string[] =>
    name === 'usepam' ? ['/etc/ssh/sshd_config:9', '/etc/ssh/x.conf:1'] : [];
  const [one] = finds(t, { services: [], sshd: { ...sshd, placesOf } }, 'sshd-unguarded');
  t.strictSame(one?.evidence, [
    'authenticationmethods publickey',
    'usepam yes (/etc/ssh/sshd_config:9, /etc/ssh/x.conf:1)',
    'forcecommand none',
  ]);
});

t.test('forwarding beside a forced command', async t => {
  finds(t, forcedHost({ disableforwarding: 'no' }), 'forwarding-open');
  finds(t, forcedHost({ x11forwarding: 'yes' }), 'forwarding-open');
  const modern = {
    kind: 'present',
    placesOf: () => [],
    version: { major: 10, minor: 0, text: '' },
    probes: [probe(alice, { ...forced, x11forwarding: 'yes' })],
  } as const;
  finds(t, { services: [], sshd: modern });
  const closed = { disableforwarding: 'no', allowtcpforwarding: 'no', allowstreamlocalforwarding: 'no' };
  finds(t, forcedHost(closed));
  finds(t, forcedHost({ ...closed, allowtcpforwarding: 'yes', permitopen: 'none', permitlisten: 'none' }));
  finds(t, forcedHost({ ...closed, allowtcpforwarding: 'local' }), 'forwarding-open');
  finds(t, forcedHost({ ...closed, permittunnel: 'point-to-point' }), 'forwarding-open');
});

t.test('what runs before a forced command', async t => {
  for (const setenv of ['A=B', 'SHLVL=1', 'XSHLVL=2']) finds(t, forcedHost({ setenv }), 'startup-files');
  finds(t, forcedHost({ setenv: ['A=B', 'SHLVL=2'] }));
  const withShell = (shell: string): Partial<Facts> => ({
    services: [],
    sshd: sshdOf(probe({ ...alice, user: { uid: 1000, shell } }, { ...forced, setenv: 'A=B' })),
  });
  for (const shell of ['/usr/bin/zsh', '/usr/bin/fish', '/bin/tcsh']) finds(t, withShell(shell), 'shell-startup');
  finds(t, withShell('/bin/dash'));
  finds(t, forcedHost({ permituserenvironment: 'LANG' }), 'user-environment');
  finds(t, forcedHost({ acceptenv: 'LD_*' }), 'accept-env');
  finds(t, forcedHost({ acceptenv: ['LANG', 'BASH_EN?'] }), 'accept-env');
  finds(t, forcedHost({ acceptenv: 'HOME PATH' }));
  finds(t, forcedHost({ acceptenv: 'SSH_*' }), 'accept-ssh-env');
  finds(t, forcedHost({ permituserrc: 'yes' }), 'user-rc');
  finds(t, forcedHost({ unusedconnectiontimeout: 'none' }), 'bare-connection');
});

t.test('what a forced command needs', async t => {
  const internal = { subsystem: 'sftp internal-sftp -u 027' };
  finds(t, forcedHost(internal));
  finds(t, forcedHost(internal, { sftpServer: undefined }), 'sftp-missing');
  finds(t, forcedHost({ exposeauthinfo: 'no' }));
  finds(t, forcedHost({ exposeauthinfo: 'no' }, { config: withPolicy({ graceMs: 60_000 }) }), 'auth-info-hidden');
});

t.test('methods that cannot be passed', async t => {
  finds(t, pamHost({ kbdinteractiveauthentication: 'no' }), 'method-off');
  finds(t, { sshd: sshdOf(probe(root, { permitrootlogin: 'without-password' })) }, 'root-method');
  finds(t, { sshd: sshdOf(probe(root, { permitrootlogin: 'without-password', authenticationmethods: 'publickey' })) });
  finds(t, pamHost({ usepam: 'no' }), 'method-off', 'usepam-off');
  finds(t, pamHost({ usepam: 'no', authenticationmethods: 'any' }), 'sshd-unguarded', 'usepam-off');
  finds(t, { sshd: { kind: 'refused', why: 'sshd: bad' } }, 'sshd-refused');
  finds(t, { sshd: { kind: 'refused', why: 'Missing privilege separation directory: /run/sshd' } }, 'not-examined');
  finds(t, { sshd: sshdOf({ ...probe(alice), settings: { kind: 'failed', why: 'no' } }) }, 'not-examined');
});

t.test("sshd's limits, where PAM asks", async t => {
  for (const logingracetime of ['0', '116', 'what']) finds(t, pamHost({ logingracetime }));
  const [late] = finds(t, pamHost({ logingracetime: '115' }), 'grace-time');
  t.match(late, {
    mend: 'LoginGraceTime 120 (sshd_config)',
    evidence: ['logingracetime 115', '/etc/pam.d/sshd:1', '/etc/pam.d/sshd:2'],
  });
  finds(t, pamHost({ maxstartups: '5:30:60' }), 'max-startups');
  const short = 'auth required pam_trasa.so timeout=60\naccount required pam_trasa.so timeout=200\n';
  finds(t, pamHost({}, short), 'grace-time', 'module-timeout');
  const exec =
    'auth required pam_exec.so /usr/bin/trasa-agent pam --timeout=60\nauth required pam_permit.so\naccount required pam_permit.so';
  finds(t, pamHost({}, exec), 'module-timeout');
});

t.test("sshd's password method, and no first factor", async t => {
  const either = 'publickey,keyboard-interactive publickey,password';
  const [mute] = finds(t, pamHost({ passwordauthentication: 'yes', authenticationmethods: either }), 'password-method');
  t.match(mute, { what: /lets nobody in/ });
  const exec =
    'auth required pam_exec.so expose_authtok /usr/bin/trasa-agent pam\nauth required pam_permit.so\naccount required pam_permit.so';
  const [trap] = finds(
    t,
    pamHost({ passwordauthentication: 'yes', authenticationmethods: 'publickey,password' }, exec),
    'password-method',
  );
  t.match(trap, { what: /puts the password where the code belongs/ });
  finds(t, pamHost({ authenticationmethods: 'keyboard-interactive:pam' }), 'one-factor');
  const password = '@include common-auth\nauth required pam_trasa.so first=password\naccount required pam_trasa.so\n';
  finds(t, pamHost({ authenticationmethods: 'keyboard-interactive:pam' }, password));
});

t.test('an account that is not asked has no trouble with being asked', async t => {
  const trap = pamHost({
    passwordauthentication: 'yes',
    authenticationmethods: 'publickey password',
    logingracetime: '60',
  });
  finds(t, { ...trap, config: withPolicy({ requiredUsers: ['root'] }), accounts: [] });
  finds(t, trap, 'password-method', 'grace-time');
});

t.test('a first factor that can be left out is none', async t => {
  const alone = { authenticationmethods: 'keyboard-interactive:pam' };
  const [one] = finds(
    t,
    pamHost(alone, 'auth optional pam_unix.so\nauth required pam_trasa.so\naccount required pam_trasa.so\n'),
    'one-factor',
  );
  t.match(one, {
    evidence: [
      /authenticationmethods/,
      /sshd:1 pam_unix.so returns auth_err: ignored/,
      /sshd:2 pam_trasa.so returns success/,
    ],
  });
  finds(
    t,
    pamHost(
      alone,
      'auth required pam_exec.so /usr/bin/other\nauth required pam_trasa.so\naccount required pam_trasa.so\n',
    ),
  );
});

t.test('two doors at once', async t => {
  finds(t, pamHost({ ...forced, usepam: 'yes' }), 'asked-twice');
  const line = 'required pam_exec.so /usr/bin/trasa-agent pam';
  finds(t, pamHost({}, `auth ${line}\nauth required pam_permit.so\naccount ${line}\n`), 'asked-twice');
});

t.test('stacks', async t => {
  const [around] = finds(
    t,
    pamHost(
      {},
      '@include common-auth\nauth [success=1 default=ignore] pam_trasa.so\nauth required pam_permit.so\naccount required pam_trasa.so\n',
    ),
    'pam-around',
  );
  t.match(around, {
    evidence: [
      '/etc/pam.d/common-auth:1 pam_unix.so returns success: skips 1',
      '/etc/pam.d/common-auth:3 pam_permit.so returns success: counts',
      '/etc/pam.d/common-auth:4 pam_cap.so returns success: counts',
      '/etc/pam.d/sshd:2 pam_trasa.so returns auth_err: ignored',
      '/etc/pam.d/sshd:3 pam_permit.so returns success: counts',
    ],
    mend: 'write required instead of the control flag at /etc/pam.d/sshd:2',
  });
  const su = (text: string): Partial<Facts> => ({ services: [guardedSshd, service('su', text)] });
  const rootFirst = 'auth sufficient pam_rootok.so\nauth required pam_trasa.so\n';
  finds(t, su(`${rootFirst}account required pam_permit.so`));
  finds(t, su(`auth sufficient pam_wheel.so trust\n${rootFirst}account required pam_permit.so`), 'pam-around');
  finds(t, { services: [guardedSshd, service('sudo', rootFirst)] }, 'pam-around');
  finds(t, su('auth required pam_trasa.so\nauth required pam_deny.so\n'), 'pam-nobody');
  finds(t, su('auth required pam_trasa.so\n@include lost\n'), 'pam-refused');
  finds(t, su('auth required pam_trasa.so\nacount required pam_permit.so\n'), 'pam-line', 'pam-nobody');
  finds(t, su('auth required pam_trasa.so nullok timeout=0\n'), 'pam-option', 'module-timeout');
  finds(t, su('auth required pam_exec.so /usr/bin/trasa-agent pam\n'), 'pam-setcred');
  finds(t, su('auth required pam_unix.so\nauth required pam_trasa.so first=password\n'), 'pam-first-password');
  finds(t, su('@include common-auth\nauth required pam_trasa.so first=password\n'));
  finds(t, { services: [guardedSshd, service('cron', 'account required pam_trasa.so\n')] }, 'pam-shared-account');
  const everywhere = { 'common-account': 'account required pam_trasa.so\naccount required pam_permit.so\n' };
  const both = ['sshd', 'sudo'].map(name =>
    service(name, 'auth required pam_trasa.so\n@include common-account\n', everywhere),
  );
  const [once] = finds(t, { services: both }, 'pam-shared-account');
  t.match(once, { evidence: ['/etc/pam.d/common-account:1'] });
  finds(t, { services: [guardedSshd, service('su', '@include common-auth\naccount requird pam_permit.so')] });
});

t.test('the configuration', async t => {
  const [broken] = finds(
    t,
    { config: { kind: 'broken', problems: [{ file: '/x.toml', line: 3, text: 'is wrong', hint: 'mend it' }] } },
    'config-broken',
  );
  t.match(broken, { what: 'x.toml: is wrong', evidence: ['/x.toml:3'], mend: 'mend it' });
  finds(t, { config: withPolicy({ observe: true }) }, 'observing');
  finds(t, { config: withPolicy({ failMode: 'safe' }) }, 'fail-safe');
  finds(t, { config: withPolicy({ offlineUsers: ['alice'] }) }, 'offline-users');
  finds(t, { config: loaded({ server: { ...loaded().config.server, insecureSkipVerify: true } }) }, 'tls-unverified');
  finds(t, { config: { ...loaded(), warnings: [{ file: '/x.toml', text: 'is odd' }] } }, 'config-warning');
  finds(t, { config: withPolicy({ exemptGroups: ['staff'] }) }, 'exempt');
  finds(t, { config: withPolicy({ requiredUsers: ['root'] }) }, 'not-required');
  finds(
    t,
    { config: withPolicy({ exemptGroups: ['x'] }), accounts: [{ ...alice, groups: undefined }] },
    'groups-unknown',
  );
  finds(
    t,
    {
      config: withPolicy({ requiredUsers: ['alice', 'root', 'bbo'] }),
      accounts: [alice, root, { name: 'bbo', user: undefined, groups: undefined }],
    },
    'unknown-user',
  );
});

t.test('a host certificate that ends, or is none', async t => {
  const day = 86_400;
  const now = goodHost.nowMs / 1000;
  const shown = (fromDays: number, toDays: number) => ({
    hostCertificates: [
      {
        path: '/etc/ssh/id_rsa-cert.pub',
        valid: { validAfter: BigInt(now + fromDays * day), validBefore: BigInt(now + toDays * day) },
      },
    ],
  });
  finds(t, shown(-1, 29));
  finds(t, shown(-21, 9));
  const [late] = finds(t, shown(-24, 6), 'host-certificate-ending');
  t.match(late, { evidence: ['/etc/ssh/id_rsa-cert.pub', 'days left: 6'] });
  finds(t, shown(-31, -1), 'host-certificate');
  finds(t, shown(1, 31), 'host-certificate');
  finds(t, { hostCertificates: [{ path: '/etc/ssh/id_rsa-cert.pub', valid: undefined }] }, 'host-certificate');
});

t.test('what is prepared for days without a server', async t => {
  const day = 86_400_000;
  const one = {
    account: 'alice',
    factor: 'recovery-code',
    expiresMs: goodHost.nowMs + 90 * day,
    left: 8,
    digits: undefined,
  };
  const totp = { ...one, factor: 'offline-totp', left: undefined, digits: 6 };
  finds(t, { offline: [one, totp] });
  const [ending] = finds(t, { offline: [{ ...totp, expiresMs: goodHost.nowMs + 13 * day }] }, 'offline-ending');
  t.match(ending, { what: /expires soon/, who: ['alice'], mend: 'trasa-agent offline enrol alice, or offline revoke' });
  const [ended] = finds(t, { offline: [{ ...one, expiresMs: goodHost.nowMs - 1 }] }, 'offline-ending');
  t.match(ended, { what: /has expired/, mend: /offline codes alice/ });
  const [used] = finds(t, { offline: [{ ...one, left: 1 }] }, 'offline-ending');
  t.match(used, { what: /used up, or nearly/, evidence: ['recovery-code', 'codes left: 1'] });
  finds(t, { offline: [{ ...totp, digits: 8 }] }, 'offline-digits');
  finds(t, { offline: [{ ...totp, digits: 8 }], config: { kind: 'broken', problems: [] } });
});

t.test('the rest of the host', async t => {
  const [server] = goodHost.servers;
  if (server?.shown === undefined) throw new Error('no server');
  const { shown } = server;
  finds(t, { daemon: { ...goodHost.daemon, silence: 'connect ENOENT' } }, 'daemon-silent');
  finds(t, { daemon: { ...goodHost.daemon, outdated: [17] } }, 'upgrade-pending');
  finds(t, { packages: [...goodHost.packages, { name: 'libpam-trasa', version: '0.1.0-2' }] });
  finds(t, { packages: [...goodHost.packages, { name: 'libpam-trasa', version: '0.0.9-1' }] }, 'upgrade-pending');
  finds(t, { version: '0.0.9' }, 'upgrade-pending');
  finds(t, { missing: [{ path: 'pam_trasa.so', namedAt: '/etc/pam.d/sshd:1' }] }, 'door-missing');
  finds(
    t,
    { files: [{ path: '/etc/ssh/sshd_config', problem: { cause: 'mode', text: 'can be written', hint: 'chmod' } }] },
    'file-unsafe',
  );
  finds(
    t,
    { servers: [{ ...server, answer: { kind: 'none', cause: 'tls', detail: 'CERT_HAS_EXPIRED' } }] },
    'server-unreachable',
  );
  finds(t, { servers: [{ ...server, answer: { kind: 'refuses', reason: 'no' } }] }, 'server-refuses');
  const [slow] = finds(t, { servers: [{ ...server, shown: { ...shown, aheadMs: 3_600_000 } }] }, 'clock-off');
  t.match(slow, { what: "this host's clock is 3600 s behind the server's" });
  finds(t, { servers: [{ ...server, shown: { ...shown, aheadMs: -30_000 } }] });
  finds(
    t,
    { servers: [{ ...server, shown: { ...shown, certificateEndsMs: goodHost.nowMs + 13 * 86_400_000 } }] },
    'tls-expiring',
  );
  finds(t, { servers: [{ ...server, shown: { ...shown, certificateEndsMs: goodHost.nowMs, isPinned: true } }] });
  const [state] = goodHost.state;
  if (state === undefined) throw new Error('no directory');
  finds(t, { state: [{ ...state, freeBytes: 1000 }] }, 'disk-low');
  finds(t, { state: [{ ...state, freeFiles: 0 }] }, 'state-unwritable');
  finds(t, { state: [{ ...state, trouble: 'does not exist' }] }, 'state-unwritable');
  finds(t, { unseen: ['3 accounts'] }, 'not-examined');
  const denial = (secondsAgo: number, path: string): string =>
    `avc: denied audit(${Math.floor(goodHost.nowMs / 1000) - secondsAgo}.1:2) ${path}`;
  finds(t, { denials: [denial(60, '/run/trasa-agent/agent.sock')] }, 'access-denied');
  finds(t, { denials: [denial(90_000, '/run/trasa-agent/agent.sock'), denial(60, '/etc/shadow')] });
});

t.test('holes come first, and what comes from elsewhere is cleaned', async t => {
  const found = findings({
    daemon: { ...goodHost.daemon, silence: '\u001b[2Jgone\n' },
    services: [],
    sshd: sshdOf(probe(alice)),
    unseen: ['x'],
  });
  t.strictSame(
    found.map(({ severity }) => severity),
    ['hole', 'breakage', 'warning'],
  );
  t.equal(found[1]?.what, 'the daemon does not answer: ?[2Jgone');
});

t.test('each row of the catalog has been found above, but for those of the proxy', async t => {
  const ids = Object.keys(catalog).filter(id => !id.startsWith('proxy-'));
  t.strictSame([...proved].toSorted(), ids.toSorted());
});
