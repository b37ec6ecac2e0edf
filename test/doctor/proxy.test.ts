/** What is found in which facts of an access proxy. One on which all is well, and what is wrong with it, one at a time. */
import t, { type Test } from 'tap';
import { catalog, type FindingId } from '../../src/doctor/catalog.ts';
import { checkProxy } from '../../src/doctor/checks/proxy.ts';
import { type Finding, inOrder } from '../../src/doctor/finding.ts';
import { gatherProxy } from '../../src/doctor/gather/proxy.ts';
import type { ExaminedProxy, ProxyFacts } from '../../src/doctor/proxy-facts.ts';
import { asText } from '../../src/doctor/report.ts';
import { proxySection } from '../../src/report/proxy-section.ts';
import type { ProxySight, ServiceSight } from '../../src/system/proxy-standing.ts';
import { proxyStanding } from '../../src/system/proxy-standing.ts';
import { unitState } from '../../src/system/unit.ts';
import { examined, goodProxy as good, nowMs, running, service, goodSight as sight, unit } from './proxy-facts.ts';

const dayMs = 86_400_000;

const proved = new Set<string>();

/** These ids, and no others. */
function finds(t: Pick<Test, 'strictSame'>, changes: Partial<ProxyFacts>, ...ids: readonly FindingId[]): Finding[] {
  const found = inOrder(checkProxy({ ...good, ...changes }));
  for (const { id } of found) proved.add(id);
  t.strictSame(
    found.map(({ id }) => id),
    ids,
    ids.join(', '),
  );
  return found;
}

const said = (changes: Partial<ExaminedProxy>): Partial<ProxyFacts> => ({ examined: { ...examined, ...changes } });
const seen = (changes: Partial<ProxySight>): Partial<ProxyFacts> => said({ sight: { ...sight, ...changes } });
const silent = { kind: 'silent', why: 'ENOENT' } as const;

t.test('at a proxy at which all is well nothing is found', async t => {
  finds(t, {});
  finds(t, { unit: undefined });
  finds(t, said({ servers: [] }));
  finds(t, seen({ catalogue: null, hostCertificates: [], greeting: null }));
  t.equal(asText([], { host: undefined, proxy: good }), 'nothing found (looked at: the access proxy with 1 service)\n');
});

t.test('it does not run', async t => {
  const down = { running: silent, greeting: { address: 'x', line: null, trouble: 'ECONNREFUSED' } };
  const [failed] = finds(t, { ...seen(down), unit: { ...unit, active: 'failed', result: 'exit-code' } }, 'proxy-down');
  t.match(failed, { what: /has failed/, evidence: /Result=exit-code/, mend: /journalctl/ });
  const [off] = finds(t, { ...seen(down), unit: { ...unit, active: 'inactive' } }, 'proxy-down');
  t.match(off, { mend: 'systemctl enable --now trasa-proxy.service' });
  finds(t, { ...seen(down), unit: undefined }, 'proxy-silent');
  finds(t, { unit: { ...unit, active: 'inactive' } }); // it was started by other means
  finds(t, { unit: { ...unit, file: 'disabled' } }, 'proxy-boot');
  finds(t, seen({ running: silent }), 'proxy-control');
  finds(t, seen({ running: { ...running, silent: 1 } }), 'proxy-worker');
  finds(t, seen({ running: { ...running, workers: 0 } }), 'proxy-down');
  const greeting = { address: '127.0.0.1:22', line: 'SSH-2.0-x', trouble: 'somebody else' };
  const [moved] = finds(t, seen({ greeting, listen: ':22' }), 'proxy-silent');
  t.match(moved, { evidence: ['sshListenAddr = ":22"', /listens at port 8022/], mend: /restart/ });
});

t.test('a program of another release', async t => {
  finds(t, { version: '2.0' }, 'upgrade-pending');
  t.match(finds(t, { version: '2.0', outdated: [7] }, 'upgrade-pending'), [{ evidence: ['process 7'] }]);
});

t.test('its configuration and files', async t => {
  const one = { text: 'x\u001b is wrong', place: '/etc/trasa/trasa-proxy.toml:7', hint: null };
  const [found] = finds(
    t,
    said({ problems: [one], sight: null, unseen: 'the usual directory is not there' }),
    'proxy-config',
  );
  t.match(found, { what: /^trasa-proxy\.toml: x\? is wrong: /, evidence: ['/etc/trasa/trasa-proxy.toml:7'] });
  finds(t, seen({ troubles: [{ ...one, text: '/k can be read by everyone', place: '/k' }] }), 'proxy-config');
  const unverified = { ...one, text: 'the certificate of the server is not verified' };
  finds(t, said({ warnings: [one, unverified] }), 'config-warning');
  finds(t, seen({ isServerVerified: false }), 'tls-unverified');
  finds(t, said({ unseen: '/var/lib/trasa-proxy: ENOENT', sight: null }), 'state-unwritable');
  finds(t, { examined: 'it could not be asked' }, 'not-examined');
});

t.test('its disk', async t => {
  const state = { ...sight.state, freeBytes: 0 };
  t.match(finds(t, seen({ state }), 'state-unwritable')[0]?.what, /while the proxy cannot remember/);
  finds(t, seen({ unread: ['logins.db: damaged'] }), 'state-unwritable');
  const { recordings } = sight;
  const full = { ...recordings, spareBytes: -1 };
  finds(t, seen({ recordings: full }), 'proxy-recordings');
  finds(t, seen({ recordings: { ...full, areWanted: false } }));
  finds(t, seen({ recordings: { ...recordings, spareBytes: 1e8 } }), 'disk-low');
  const readOnly = { ...recordings.directory, trouble: 'must not be written' };
  finds(t, seen({ recordings: { ...recordings, directory: readOnly } }), 'proxy-recordings');
  finds(t, seen({ recordings: { ...recordings, journalFault: 'line 2' } }), 'proxy-journal');
});

t.test('what ends, or is old', async t => {
  const [{ path, trouble } = { path: '', trouble: null }] = sight.hostCertificates;
  const certified = (after: number, before: number) =>
    seen({
      hostCertificates: [{ path, trouble, valid: { after: nowMs / 1000 + after, before: nowMs / 1000 + before } }],
    });
  finds(t, certified(-3600, -1), 'host-certificate');
  finds(t, certified(-3600, 60), 'host-certificate-ending');
  const [none] = finds(
    t,
    seen({ hostCertificates: [{ path, valid: null, trouble: 'of another key' }] }),
    'host-certificate',
  );
  t.match(none?.what, /of another key/);
  const userCA = { ...sight.userCA, isOld: true, since: nowMs - 6 * 365 * dayMs };
  t.match(finds(t, seen({ userCA }), 'proxy-ca-old')[0]?.what, /6 years/);
  finds(t, seen({ userCA: { ...userCA, trouble: 'the passphrase is wrong' } }), 'proxy-ca');
});

t.test('the catalogue, of a proxy that runs', async t => {
  for (const changed of [{ isTooOld: true }, { confirmedAt: null }, { trouble: 'of another server' }]) {
    const catalogue = { confirmedAt: nowMs, isTooOld: false, trouble: null, ...changed };
    finds(t, seen({ catalogue }), 'proxy-catalogue');
    finds(t, seen({ catalogue, running: silent }), 'proxy-control');
  }
});

t.test('services, and who waits', async t => {
  const with1 = (changes: Partial<ServiceSight>, more: Partial<ProxySight> = {}) =>
    seen({ services: [{ ...service, ...changes }], ...more });
  finds(t, with1({ accountsWithout: ['root'] }), 'proxy-account');
  finds(t, with1({ isKnown: false, firstUse: 'ask' }), 'proxy-first-use');
  finds(t, with1({ isKnown: false, firstUse: 'hold' }));
  const key = {
    service: 'web1',
    address: 'a:22',
    state: 'held',
    key: 'SHA256:x (ED25519)',
    since: '2027',
    by: 'alice',
  };
  const [held] = finds(t, with1({ isKnown: false, firstUse: 'hold' }, { hostKeys: [key] }), 'proxy-host-key');
  t.match(held?.mend, /host-keys accept web1 SHA256:x$/);
  finds(t, seen({ hostKeys: [{ ...key, state: 'pinned' }] }));
  const approval = { id: 'ABCD', person: 'alice@example.com', account: 'root', target: 'web1', askedAt: nowMs };
  t.match(finds(t, seen({ approvals: [approval] }), 'proxy-approval')[0]?.mend, /approvals approve ABCD/);
  finds(t, seen({ heldOff: 2 }), 'proxy-held-off');
});

t.test('the server does not know a service', async t => {
  const refuses = { server: 'https://x', answer: { kind: 'refuses', reason: 'no' }, shown: undefined } as const;
  const servers = [
    { services: [], sight: refuses },
    { services: ['web1', 'web2'], sight: refuses },
  ];
  const found = finds(t, said({ servers }), 'server-refuses', 'server-refuses');
  t.match(
    found.map(({ what }) => what),
    [/does not accept the proxy: no/, /does not accept service web1, web2 of the proxy: no/],
  );
});

t.test('each row of the catalog that is the proxy’s has been found above', async t => {
  const ids = Object.keys(catalog).filter(id => id.startsWith('proxy-'));
  t.strictSame([...proved].filter(id => id.startsWith('proxy-')).toSorted(), ids.toSorted());
});

t.test('it is asked of the command that may look; what that does not say is said', async t => {
  const asked = async (stdout: string, status = 0) =>
    await proxyStanding(
      { self: ['/bin/agent', 'x'], config: '/p.toml', more: ['--examine'] },
      async (program, words) => {
        t.equal([program, ...words].join(' '), '/bin/agent x proxy status --json --config /p.toml --examine');
        return await Promise.resolve({ kind: 'ran', status, stdout, stderr: 'why not\n' });
      },
    );
  t.strictSame(
    await asked(JSON.stringify(examined), 1),
    JSON.parse(JSON.stringify(examined)),
    'also if it is not well',
  );
  for (const odd of ['', 'nonsense', 'null', '{}']) t.equal(await asked(odd, 70), 'why not', odd);
  const self = ['/nonexistent'];
  t.match(await gatherProxy({ self, config: undefined, offline: true, version: '1.0' }), {
    examined: /\/nonexistent is not there/,
  });
});

t.test('the unit is as systemctl says', async t => {
  const state = async (stdout: string, status = 0) =>
    await unitState('x.service', async () => await Promise.resolve({ kind: 'ran', status, stdout, stderr: '' }));
  const shown = 'LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\nUnitFileState=enabled\n';
  t.strictSame(await state(shown), {
    name: 'x.service',
    active: 'failed',
    sub: 'failed',
    result: 'exit-code',
    file: 'enabled',
  });
  t.equal(await state('LoadState=not-found\nActiveState=inactive\n'), undefined);
  t.equal(await state('', 1), undefined);
});

t.test('status has it in short, and cleans what others say', async t => {
  const { isWell, lines } = proxySection(examined, nowMs);
  t.ok(isWell);
  t.strictSame(lines, [
    '/etc/trasa/trasa-proxy.toml is valid',
    'runs since 2027-01-15T08:00:00.000Z (release 1.0), listens on :8022',
    '3 sessions, 2 workers',
    '1 service; catalogue last confirmed 2027-01-15T08:00:00.000Z',
    'no approvals waiting, no host keys waiting, 0 held off after failures',
    'user CA x signs',
  ]);
  const [{ path, trouble } = { path: '', trouble: null }] = sight.hostCertificates;
  const ends = (before: number): ProxySight['hostCertificates'] => [
    { path, trouble, valid: { after: nowMs / 1000 - 3600, before: nowMs / 1000 + before } },
  ];
  const bad: readonly (readonly [Partial<ExaminedProxy>, RegExp])[] = [
    [{ problems: [{ text: 'x\u001b', place: '/p:1', hint: null }], sight: null }, /^\/p:1: x\?$/],
    [{ unseen: '/s: ENOENT', sight: null }, /ENOENT/],
    [{ sight: { ...sight, running: silent } }, /does not run/],
    [{ sight: { ...sight, running: { ...running, silent: 1 } } }, /1 worker .*do not answer/],
    [{ sight: { ...sight, hostCertificates: ends(-1) } }, /has ended/],
    [{ sight: { ...sight, userCA: { ...sight.userCA, trouble: 'no agent' } } }, /^User CA: no agent$/],
    [{ sight: { ...sight, catalogue: { confirmedAt: null, isTooOld: false, trouble: null } } }, /not there yet/],
  ];
  for (const [changes, line] of bad) {
    const section = proxySection({ ...examined, ...changes }, nowMs);
    t.notOk(section.isWell, String(line));
    t.ok(
      section.lines.some(one => line.test(one)),
      String(line),
    );
  }
  t.match(proxySection({ ...examined, sight: { ...sight, hostCertificates: ends(60) } }, nowMs), {
    isWell: true,
    lines: /ends in 0 days/,
  });
  t.match(proxySection('no\nword', nowMs), { isWell: false, lines: ['no word'] });
});
