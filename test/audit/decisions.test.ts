import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { matches, parseTime, readDecision, table } from '../../src/audit/decisions.ts';
import { lastDecisions } from '../../src/audit/last-decisions.ts';

const noon = Date.UTC(2026, 0, 5, 12);
const line = (changes: Record<string, unknown> = {}): string =>
  JSON.stringify({
    time: '2026-01-05T12:00:00.000Z',
    event: 'decision',
    attempt: '01J',
    door: 'login',
    service: 'sshd',
    account: 'alice',
    person: 'alice@example.com',
    client: '192.0.2.7',
    decision: 'deny',
    reason: 'wrong-code',
    ...changes,
  });

t.test('a decision is read from its line, and nothing else is one', async t => {
  t.match(readDecision(line()), { at: noon, account: 'alice', outcome: 'deny', reason: 'wrong-code', line: line() });
  for (const other of [
    '',
    'junk',
    '{',
    'null',
    '[]',
    line({ event: 'daemon' }),
    line({ decision: 'maybe' }),
    line({ time: 'soon' }),
  ])
    t.equal(readDecision(other), undefined, other);
});

t.test('each filter holds back what it does not name', async t => {
  const decision = readDecision(line());
  if (decision === undefined) throw new Error('no decision');
  for (const filter of [
    {},
    { user: 'alice' },
    { user: 'alice@example.com' },
    { outcome: 'deny' },
    { reason: 'wrong-code' },
    { since: noon, until: noon },
  ] as const)
    t.equal(matches(decision, filter), true, JSON.stringify(filter));
  for (const filter of [
    { user: 'bob' },
    { outcome: 'allow' },
    { reason: 'totp' },
    { since: noon + 1 },
    { until: noon - 1 },
    { user: 'alice', outcome: 'bypass' },
  ] as const)
    t.equal(matches(decision, filter), false, JSON.stringify(filter));
});

t.test('the table has a row each, and nothing that draws on a terminal', async t => {
  const rows = [line(), line({ account: 'b\u001b[2J\nevil', person: null, decision: 'allow', reason: 'totp' })];
  const shown = table(rows.map(readDecision).filter(one => one !== undefined));
  t.equal(shown.length, 3);
  t.match(shown[0], /^TIME +DECISION +REASON +ACCOUNT +PERSON +CLIENT +SERVICE +ID$/);
  t.match(
    shown[1],
    /^2026-01-05T12:00:00Z +deny +wrong-code +alice +alice@example\.com +192\.0\.2\.7 +sshd\/login +01J$/,
  );
  t.match(shown[2], / allow +totp +b\?\[2J evil +- /);
  t.notMatch(shown.join(''), /\p{Cc}/u);
});

t.test('times are read as administrators write them', async t => {
  for (const [text, at] of [
    ['30s', noon - 30_000],
    ['5m', noon - 300_000],
    ['2h', noon - 7_200_000],
    ['1d', noon - 86_400_000],
    ['1w', noon - 604_800_000],
    ['2026-01-05', noon - 12 * 3_600_000],
    ['2026-01-05T12:00Z', noon],
    ['2026-01-05T13:00:00+01:00', noon],
    ['yesterday', undefined],
    ['2026-13-45', undefined],
    ['-1h', undefined],
    ['', undefined],
  ] as const)
    t.equal(parseTime(text, noon), at, text);
});

t.test('the last of a file, and of the one that was put aside before it', async t => {
  const directory = t.testdir();
  const file = join(directory, 'audit.log');
  const numbered = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, i) => `${line({ attempt: String(from + i) })}\nnoise\n`).join('');
  writeFileSync(`${file}.1`, numbered(0, 500));
  writeFileSync(file, numbered(500, 1_000));
  const source = { auditFile: file, stateDirectory: directory, since: undefined };
  const last = async (limit: number) => {
    const found = await lastDecisions(source, {}, limit);
    return typeof found === 'string' ? found : found.map(({ attempt }) => attempt);
  };
  t.same(await last(2), ['998', '999']);
  t.equal((await last(600)).length, 600);
  t.equal((await last(100_000))[0], '0');
  t.same(await lastDecisions(source, { user: 'bob' }, 10), []);
  t.match(await lastDecisions({ ...source, auditFile: join(directory, 'none') }, {}, 1), /ENOENT/);
});

t.test('without a file the journal is asked, for what the daemon itself has written', async t => {
  const directory = t.testdir();
  const journalctl = join(directory, 'journalctl');
  const source = { auditFile: '', stateDirectory: '/', since: noon, journalctl };
  t.match(await lastDecisions(source, {}, 1), /no auditFile is set, and the journal cannot be read: .*ENOENT/);

  const fake = (script: string): void => {
    writeFileSync(journalctl, `#!/bin/sh\n${script}\n`);
    chmodSync(journalctl, 0o755);
  };
  fake(`echo "$*" > ${join(directory, 'asked')}; echo '${line()}'; echo noise`);
  t.match(await lastDecisions(source, {}, 1), [{ account: 'alice' }]);
  fake(`cat ${join(directory, 'asked')} >&2; exit 3`);
  t.equal(
    await lastDecisions(source, {}, 1),
    `journalctl ended with status 3: --quiet --no-pager --output=cat --since=@${noon / 1000} _SYSTEMD_UNIT=trasa-agent.service`,
  );
});
