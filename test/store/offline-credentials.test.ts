import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { revoke } from '../../src/offline/revoke.ts';
import { offlineStatus } from '../../src/offline/status.ts';
import type { TimeStep } from '../../src/otp/totp.ts';
import { OfflineCredentials } from '../../src/store/offline-credentials.ts';
import { codes, dayMs, enrol, noon, stateDirectory } from '../offline/prepare.ts';

const all = { totp: true, codes: true };
const step = (number: number): TimeStep => number as TimeStep;

function open(directory: string): { credentials: OfflineCredentials; warnings: string[] } {
  const warnings: string[] = [];
  return { credentials: new OfflineCredentials(directory, text => void warnings.push(text)), warnings };
}

/** The id of alice's codes, which must be there. */
function idOf(credentials: OfflineCredentials): string {
  return credentials.of('alice').codes?.id ?? '';
}

t.test('a code and a step are used once: now, and after a restart', async t => {
  const directory = stateDirectory(t);
  await enrol(directory);
  await codes(directory);
  const { credentials } = open(directory);
  const id = idOf(credentials);
  const totp = credentials.of('alice').totp?.id ?? '';
  t.equal(credentials.useCode(id, 1, noon), true);
  t.equal(credentials.useCode(id, 1, noon), false);
  t.equal(credentials.useStep(totp, step(100), noon), true);
  for (const used of [100, 99, 0]) t.equal(credentials.useStep(totp, step(used), noon), false, 'nor an older one');

  const { credentials: next, warnings } = open(directory);
  t.equal(next.useCode(id, 1, noon), false);
  t.equal(next.useCode(id, 2, noon), true);
  t.equal(next.useStep(totp, step(100), noon), false);
  t.equal(next.of('alice').totp?.lastUsedStep, 100);
  t.equal(next.useStep(totp, step(101), noon), true);
  t.match(offlineStatus(directory, noon), [{ lastUsed: new Date(noon).toISOString() }, { left: 1 }]);
  t.same(warnings, []);
});

t.test('what is made or revoked while the daemon runs counts at once', async t => {
  const directory = stateDirectory(t);
  const { credentials } = open(directory);
  t.equal(credentials.isPrepared(noon), false);
  await codes(directory);
  t.equal(credentials.isPrepared(noon), true);
  t.equal(credentials.isPrepared(noon + 90 * dayMs), false, 'until it has expired');
  revoke(directory, 'alice', all);
  t.equal(credentials.of('alice').codes, undefined);
  t.equal(credentials.isPrepared(noon), false);
});

t.test('a file that is removed leaves nothing', async t => {
  const directory = stateDirectory(t);
  await codes(directory);
  const { credentials } = open(directory);
  rmSync(join(directory, 'offline.json'));
  t.equal(credentials.isPrepared(noon), false);
});

t.test('a file that cannot be read any more leaves what was read before, and says so once', async t => {
  const directory = stateDirectory(t);
  await codes(directory);
  const { credentials, warnings } = open(directory);
  writeFileSync(join(directory, 'offline.json'), 'damaged');
  for (let i = 0; i < 3; i++) t.ok(credentials.of('alice').codes);
  t.match(warnings, [/offline\.json: is damaged.*what was read before goes on/]);
  t.equal(open(directory).credentials.of('alice').codes, undefined, 'a daemon that starts then has nothing');
});

t.test('a use that cannot be written is remembered all the same, and said', async t => {
  const directory = stateDirectory(t);
  await codes(directory);
  const { credentials, warnings } = open(directory);
  const id = idOf(credentials);
  mkdirSync(join(directory, 'offline.used'));
  t.equal(credentials.useCode(id, 1, noon), true);
  t.match(warnings, [/offline\.used: EISDIR.*known only until the daemon ends/]);
  t.equal(credentials.useCode(id, 1, noon), false);
});

t.test('a use that must be written, and cannot be, does not count', async t => {
  const directory = stateDirectory(t);
  await codes(directory);
  const warnings: string[] = [];
  const credentials = new OfflineCredentials(directory, text => void warnings.push(text), { mustBeWritten: true });
  const id = idOf(credentials);
  mkdirSync(join(directory, 'offline.used'));
  t.equal(credentials.useCode(id, 1, noon), false);
  t.match(warnings, [/offline\.used: EISDIR.*no offline factor counts/]);
});

t.test('what another process used meanwhile is used here too', async t => {
  const directory = stateDirectory(t);
  await codes(directory);
  const one = open(directory).credentials;
  const other = open(directory).credentials;
  const id = idOf(one);
  t.equal(one.useCode(id, 0, noon), true);
  t.ok(other.of('alice'));
  t.equal(other.useCode(id, 0, noon), false);
  t.equal(other.useCode(id, 1, noon), true);
  t.ok(one.of('alice'));
  t.same(
    [0, 1, 2].map(place => one.isUsed(id, place)),
    [true, true, false],
  );
});

t.test('marks that are unsafe or unreadable: nothing counts, since nobody knows what was used', async t => {
  const directory = stateDirectory(t);
  await codes(directory);
  const id = idOf(open(directory).credentials);
  open(directory).credentials.useCode(id, 0, noon);
  chmodSync(join(directory, 'offline.used'), 0o666);
  const { credentials, warnings } = open(directory);
  t.equal(credentials.isPrepared(noon), false);
  t.match(warnings, [/offline\.used: can be written by others/]);
  chmodSync(join(directory, 'offline.used'), 0o600);
  t.equal(credentials.isPrepared(noon), true, 'mended without a restart');
  t.equal(credentials.useCode(id, 0, noon), false);
});

t.test('a mark that was cut off spoils no other', async t => {
  const directory = stateDirectory(t);
  await codes(directory);
  const { credentials } = open(directory);
  const id = idOf(credentials);
  credentials.useCode(id, 0, noon);
  appendFileSync(join(directory, 'offline.used'), `\nused ${id} 1`);
  credentials.useCode(id, 2, noon);
  const { credentials: next } = open(directory);
  t.same(
    [0, 1, 2].map(place => next.isUsed(id, place)),
    [true, false, true],
  );
});

t.test('without its key a time-based credential is none, and recovery codes go on', async t => {
  const directory = stateDirectory(t);
  await enrol(directory);
  await codes(directory);
  const key = join(directory, 'offline.key');
  const kept = readFileSync(key);
  rmSync(key);
  const { credentials, warnings } = open(directory);
  t.match(credentials.of('alice'), { totp: undefined, codes: {} });
  t.match(warnings, [/offline\.key: does not exist/]);

  writeFileSync(key, Buffer.alloc(32, 1).toString('base64'), { mode: 0o600 });
  const other = open(directory);
  t.equal(other.credentials.of('alice').totp, undefined);
  t.match(other.warnings, [/was made with another key/]);
  writeFileSync(key, kept);
  t.ok(open(directory).credentials.of('alice').totp);
});

t.test("one account's credential does not open under another's name", async t => {
  const directory = stateDirectory(t);
  await enrol(directory);
  const file = join(directory, 'offline.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"alice"', '"root"'));
  const { credentials, warnings } = open(directory);
  t.equal(credentials.of('root').totp, undefined);
  t.match(warnings, [/offline credential of root/]);
});

t.test('marks of long ago are forgotten, and what is needed is kept', async t => {
  const directory = stateDirectory(t);
  await enrol(directory);
  await codes(directory);
  const before = open(directory).credentials;
  const totp = before.of('alice').totp?.id ?? '';
  const id = idOf(before);
  before.useCode(id, 2, noon);
  const file = join(directory, 'offline.used');
  appendFileSync(file, Array.from({ length: 1_500 }, (_, i) => `\nused ${totp} ${1_000 + i} ${noon}`).join(''));
  const { credentials, warnings } = open(directory);
  t.equal(readFileSync(file, 'utf8').trim().split('\n').length, 2);
  t.equal(credentials.useStep(totp, step(2_499), noon), false);
  t.equal(credentials.useStep(totp, step(2_500), noon), true);
  t.equal(credentials.useCode(id, 2, noon), false);
  t.same(warnings, []);
});
