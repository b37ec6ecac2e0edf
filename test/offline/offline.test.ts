import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeCodes } from '../../src/offline/codes.ts';
import { enrolOffline } from '../../src/offline/enrol.ts';
import { revoke } from '../../src/offline/revoke.ts';
import { offlineStatus } from '../../src/offline/status.ts';
import { readRecoveryCode } from '../../src/otp/recovery-code.ts';
import { Secret } from '../../src/otp/secret.ts';
import { totpAt } from '../../src/otp/totp.ts';
import { OfflineCredentials } from '../../src/store/offline-credentials.ts';
import { codes, dayMs, enrol, noon, stateDirectory } from './prepare.ts';

const request = { account: 'alice', digits: 6, days: 90, hostname: 'host-1', confirm: true } as const;

t.test('what is made is listed, with its end and what is left', async t => {
  const directory = stateDirectory(t);
  t.same(offlineStatus(directory, noon), [], 'nothing at first');
  await enrol(directory, { account: 'bob' });
  await enrol(directory);
  await codes(directory, 10);
  const expires = new Date(noon + 90 * dayMs).toISOString();
  const unused = { expires, isExpired: false, lastUsed: undefined };
  t.same(offlineStatus(directory, noon), [
    { account: 'alice', factor: 'offline-totp', left: undefined, digits: 6, ...unused },
    { account: 'alice', factor: 'recovery-code', left: 10, digits: undefined, ...unused },
    { account: 'bob', factor: 'offline-totp', left: undefined, digits: 6, ...unused },
  ]);
  t.match(offlineStatus(directory, noon + 90 * dayMs), [{ isExpired: true }, { isExpired: true }, { isExpired: true }]);
});

t.test('a credential is kept once a code of it was typed, and that code opens nothing', async t => {
  const directory = stateDirectory(t);
  let secret = new Secret('');
  const parameters = { algorithm: 'sha1', digits: 6, periodSeconds: 30 } as const;
  const answers = [new Secret('000000'), 'right'] as const;
  let turn = 0;
  const operator = {
    offer: (made: Secret, uri: Secret) => {
      secret = made;
      t.match(uri.expose(), /^otpauth:\/\/totp\/TRASA%20offline:alice(@|%40)host-1\?/);
    },
    askCode: async () => {
      const answer = answers[turn++];
      return answer === 'right' ? totpAt({ ...parameters, secret }, noon) : answer;
    },
  };
  t.equal(await enrolOffline(directory, request, operator, () => noon), noon + 90 * dayMs);
  const totp = new OfflineCredentials(directory, t.fail).of('alice').totp;
  t.equal(totp?.secret.expose(), secret.expose());
  t.equal(totp?.lastUsedStep, Math.floor(noon / 30_000));

  const nobody = { offer: () => {}, askCode: async () => undefined };
  t.match(await enrolOffline(stateDirectory(t), request, nobody, () => noon), /nothing is enrolled/);
});

t.test('codes have their shape, differ, and take the place of the earlier ones', async t => {
  const directory = stateDirectory(t);
  const first = await codes(directory, 10);
  for (const code of first) t.match(readRecoveryCode(code.expose()), { kind: 'code' });
  t.equal(new Set(first.map(code => code.expose())).size, 10);
  const before = new OfflineCredentials(directory, t.fail).of('alice').codes;
  await codes(directory, 2);
  const after = new OfflineCredentials(directory, t.fail).of('alice').codes;
  t.not(after?.id, before?.id);
  t.equal(after?.hashes.length, 2);
});

t.test('nothing that opens a door lies readable in the directory, and nobody else may look', async t => {
  const directory = stateDirectory(t);
  const code = await enrol(directory);
  const made = await codes(directory);
  const files = readdirSync(directory);
  t.same(files.toSorted(), ['offline.json', 'offline.key']);
  const all = files.map(file => readFileSync(join(directory, file), 'latin1')).join('\n');
  for (const secret of [...made, code(noon)]) t.notOk(all.includes(secret.expose()));
  for (const one of made) t.notOk(all.includes(one.expose().replace(/^rc-|-/g, '')));
  for (const file of files) t.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file);
});

t.test('what is revoked is gone: all, or one kind', async t => {
  const directory = stateDirectory(t);
  await enrol(directory);
  await codes(directory);
  await codes(directory, 3, 'bob');
  t.equal(revoke(directory, 'alice', { totp: false, codes: true }), undefined);
  t.match(offlineStatus(directory, noon), [{ account: 'alice', factor: 'offline-totp' }, { account: 'bob' }]);
  t.match(revoke(directory, 'alice', { totp: false, codes: true }), /alice has nothing of that kind/);
  t.equal(revoke(directory, 'alice', { totp: true, codes: true }), undefined);
  t.match(offlineStatus(directory, noon), [{ account: 'bob' }]);
  t.match(revoke(directory, 'carol', { totp: true, codes: true }), /carol has nothing/);
});

t.test('two commands at once do not undo each other', async t => {
  const directory = stateDirectory(t);
  await codes(directory);
  writeFileSync(join(directory, 'offline.json.new'), '');
  t.match(revoke(directory, 'alice', { totp: true, codes: true }), /another command is at work/);
  t.match(offlineStatus(directory, noon), [{ account: 'alice' }]);
  t.ok(existsSync(join(directory, 'offline.json.new')), "and the other's draft stays");
});

t.test('a file that is damaged or unsafe is left as it is, and named', async t => {
  for (const spoil of [
    (file: string) => writeFileSync(file, '{"version":1,"accounts":[{}]}'),
    (file: string) => writeFileSync(file, 'not JSON'),
    (file: string) => writeFileSync(file, readFileSync(file, 'utf8').replace('"version": 1', '"version": 2')),
    (file: string) => writeFileSync(file, readFileSync(file, 'utf8').replace('"N": 16384', '"N": 16383')),
    (file: string) => chmodSync(file, 0o666),
  ]) {
    const directory = stateDirectory(t);
    await codes(directory);
    const file = join(directory, 'offline.json');
    spoil(file);
    const kept = readFileSync(file, 'utf8');
    const made = await makeCodes(directory, { account: 'bob', count: 1, days: 1 }, noon);
    for (const said of [offlineStatus(directory, noon), revoke(directory, 'alice', { totp: true, codes: true }), made])
      t.ok(typeof said === 'string' && said.startsWith(`${file}: `), JSON.stringify(said));
    t.equal(readFileSync(file, 'utf8'), kept);
    t.notOk(existsSync(`${file}.new`), 'no draft is left');
  }
});
