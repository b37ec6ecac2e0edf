/** What verification finds out, and what it tells apart. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { newUlid } from '../../../src/auth/ulid.ts';
import { readJournal } from '../../../src/proxy/recording/journal-lines.ts';
import { openRecorder } from '../../../src/proxy/recording/open-recorder.ts';
import { placeOfProxy, verification } from '../../../src/proxy/recording/place.ts';
import { removeOld } from '../../../src/proxy/recording/remove-old.ts';
import { sealOf } from '../../../src/proxy/recording/seal.ts';
import { verifyAll, verifyOne } from '../../../src/proxy/recording/verify.ts';
import { digestOf, RecordingJournal } from '../../../src/store/recording-journal.ts';
import { until } from '../../helpers/e2e/until.ts';
import { type Desk, newDesk, newSession, recordCommand, sessionID } from './desk.ts';

t.test('what was recorded is sealed, and the log has what an outsider needs to keep', async t => {
  const desk = newDesk();
  for (const letter of ['A', 'B']) await recordCommand(desk, sessionID(letter));
  t.match(verifyAll(desk.place()), [{ state: 'sealed' }, { state: 'sealed' }]);
  t.equal(desk.sealed.at(-1)?.journal, desk.journal.head);
  t.match(verification(placeOfProxy(desk.state, desk.directory), [], desk.journal.head), { status: 0, faults: [] });
});

t.test('whatever is changed is found', async t => {
  for (const [what, detail, work] of [
    ['a byte', /differs/, ({ path }) => writeFileSync(path, readFileSync(path, 'utf8').replace('hello', 'jello'))],
    ['something added', /bytes, and/, ({ path }) => appendFileSync(path, '{}\n')],
    ['something cut off', /bytes, and/, ({ path }) => truncateSync(path, 50)],
    ['the file away', /missing/, ({ path }) => rmSync(path)],
    ['all of it away', /missing/, ({ path }) => [path, `${path}.seal`, `${path}.seal.sig`].forEach(one => rmSync(one))],
    ['its seal away', /seal is missing/, ({ path }) => rmSync(`${path}.seal`)],
    ['its signature away', /seal is missing/, ({ path }) => rmSync(`${path}.seal.sig`)],
    [
      'the statement',
      /not signed/,
      ({ path }) => writeFileSync(`${path}.seal`, readFileSync(`${path}.seal`, 'utf8').replace('alice', 'bobby')),
    ],
    ['the seal of another', /that of/, ({ path, other }) => copySeal(other, path)],
    ['no signature at all', /no signature/, ({ path }) => writeFileSync(`${path}.seal.sig`, 'nothing')],
    [
      'one that the journal does not know',
      /does not know/,
      ({ path }) => writeFileSync(path.replace('AAAA', 'CCCC'), readFileSync(path, 'utf8')),
    ],
  ] as const satisfies readonly [string, RegExp, (at: At) => unknown][]) {
    const desk = newDesk();
    const [file, other] = [await recordCommand(desk, sessionID('A')), await recordCommand(desk, sessionID('B'))];
    work({ desk, path: join(desk.directory, file), other: join(desk.directory, other) });
    const bad = verifyAll(desk.place()).filter(({ state }) => state !== 'sealed');
    t.match(bad, [{ state: 'tampered', detail }], what);
    t.equal(bad.length, 1, what);
    t.equal(verification(desk.place(), [], undefined).status, 2, what);
  }
});

t.test('a seal of another key proves nothing', async t => {
  const [desk, other] = [newDesk(), newDesk()];
  const file = await recordCommand(desk, sessionID('A'));
  const [key] = other.place().keys;
  t.match(verifyOne(file, { ...desk.place(), keys: key === undefined ? [] : [key] }), {
    state: 'tampered',
    detail: /not signed by the key/,
  });
});

t.test('a recording that is taken out of the journal, too, is missed by those that came after it', async t => {
  const desk = newDesk();
  const file = await recordCommand(desk, sessionID('A'));
  await recordCommand(desk, sessionID('B'));
  for (const name of [file, ...Object.values(sealOf(file))]) rmSync(join(desk.directory, name));
  // Somebody writes the journal anew, without it, each line with the right digest of the one before.
  const kept = [...desk.journal.lines()].filter(line => !line.includes(file)).map(line => JSON.parse(line) as object);
  const forged: string[] = [];
  for (const entry of kept)
    forged.push(
      JSON.stringify({ ...entry, previous: forged.length === 0 ? '0'.repeat(64) : digestOf(forged.at(-1) ?? '') }),
    );
  const place = { ...desk.place(), journal: readJournal(forged) };
  t.equal(place.journal.fault, undefined);
  t.match(verifyAll(place), [{ state: 'tampered', detail: /the journal has lost lines/ }]);

  const lines = [...desk.journal.lines()];
  t.match(readJournal(lines.filter((_, i) => i !== 1)).fault, /line 2 of the journal does not follow/);
  t.match(readJournal(lines.map(line => line.replace('alice@', 'bob@'))).fault, /line 2/);
  const shorter = { ...desk.place(), journal: readJournal(lines.slice(0, -2)) };
  t.match(
    verification(shorter, [], desk.journal.head),
    { status: 2, faults: [/does not have that line/] },
    'what the log has kept',
  );
});

t.test('a recording that was cut off is another thing, unless its beginning was changed', async t => {
  const desk = newDesk();
  const session = newSession(desk);
  session.exec('sleep 1000');
  desk.clock.now += 61_000;
  session.output('first\n');
  const [file, path] = [`${sessionID('A')}-1.events.jsonl`, join(desk.directory, `${sessionID('A')}-1.events.jsonl`)];
  while (![...desk.journal.lines()].some(line => line.includes('checkpoint'))) await new Promise(setImmediate);
  t.match(verifyOne(file, desk.place()), { state: 'open' }, 'its process, this one, is there');

  const gone = [...desk.journal.lines()].map(line => line.replace(/"processStart":"\d+"/, '"processStart":"1"'));
  const place = { ...desk.place(), journal: readJournal(gone) };
  appendFileSync(path, '{"at":70,"event":"outp');
  t.match(verifyOne(file, place), {
    state: 'cut off',
    detail: /cut off at 2030-01-01T00:01:01.000Z; .* its first \d+ bytes/,
  });
  t.equal(verification({ ...place, journal: { ...place.journal, fault: undefined } }, [], undefined).status, 1);
  writeFileSync(path, readFileSync(path, 'utf8').replace('sleep', 'snore'));
  t.match(verifyOne(file, place), { state: 'tampered', detail: /it is not what it was at 2030/ });
  truncateSync(path, 20);
  t.match(verifyOne(file, place), { state: 'tampered' });
});

t.test('a proxy that dies while it seals leaves a recording that was cut off', async t => {
  const desk = newDesk();
  const session = newSession(desk);
  session.exec('true');
  while (readdirSync(desk.directory).length === 0) await new Promise(setImmediate);
  const file = `${sessionID('A')}-1.events.jsonl`;
  for (const name of Object.values(sealOf(file))) writeFileSync(join(desk.directory, name), '');
  const gone = [...desk.journal.lines()].map(line => line.replace(/"processStart":"\d+"/, '"processStart":"1"'));
  t.match(verifyOne(file, { ...desk.place(), journal: readJournal(gone) }), { state: 'cut off' });
});

t.test('two workers that remove at once do not stumble over each other', async t => {
  const desk = newDesk();
  for (const letter of ['A', 'B', 'C']) await recordCommand(desk, sessionID(letter));
  desk.clock.now += 10 * 86_400_000;
  const { directory, journal, signer } = desk;
  const other = Promise.withResolvers<void>();
  const sign = async (data: Buffer): Promise<Buffer> => {
    await other.promise;
    return await signer.sign(data);
  };
  const late = removeOld({ directory, days: 9, journal, signer: { ...signer, sign } }, desk.clock.now);
  t.equal(await removeOld({ directory, days: 9, journal, signer }, desk.clock.now), 3);
  other.resolve();
  await late;
  t.match(verifyAll(desk.place()), [{ state: 'removed' }, { state: 'removed' }, { state: 'removed' }]);
});

t.test('what is removed by the rules is known as such, and the rest still follows', async t => {
  const desk = newDesk();
  const old = await recordCommand(desk, sessionID('A'));
  const open = newSession(desk, sessionID('B'));
  open.exec('cat');
  desk.clock.now += 10 * 86_400_000;
  const young = await recordCommand(desk, sessionID('C'));
  const { directory, journal, signer } = desk;
  t.equal(await removeOld({ directory, days: 11, journal, signer }, desk.clock.now), 0);
  t.equal(
    await removeOld({ directory, days: 9, journal, signer }, desk.clock.now),
    1,
    'not the one whose session runs',
  );
  t.notOk(existsSync(join(desk.directory, `${old}.seal`)));
  t.match(verifyAll(desk.place()), [
    { file: old, state: 'removed' },
    { file: `${sessionID('B')}-1.events.jsonl`, state: 'open' },
    { file: young, state: 'sealed' },
  ]);
  t.equal(desk.place().journal?.fault, undefined);
  rmSync(join(directory, young));
  journal.append({ event: 'removed', at: '2030-01-11T00:00:00.000Z', file: young, signature: 'AAAA' }, false);
  t.match(verifyOne(young, desk.place()), { state: 'tampered', detail: /removed, and not by the proxy/ });
});

t.test(
  'removing holds nobody up: it opens no young ones, reads the journal for unsealed ones alone, and pauses',
  async t => {
    const desk = newDesk();
    await recordCommand(desk, sessionID('A'));
    for (let i = 0; i < 3_000; i++) desk.journal.append({ event: 'checkpoint', file: 'another' }, false);
    desk.clock.now += 10 * 86_400_000;
    const young = newUlid({ now: () => desk.clock.now }, { below: () => 0 });
    mkdirSync(join(desk.directory, `${young}-1.cast`)); // which cannot be opened
    let turns = 0;
    const count = (): void => {
      turns++;
      turn = setImmediate(count);
    };
    let turn = setImmediate(count);
    t.teardown(() => clearImmediate(turn));
    const turnsAtPage: number[] = [];
    const { directory, signer } = desk;
    const journal = {
      append: (...line: Parameters<RecordingJournal['append']>) => desk.journal.append(...line),
      *pages() {
        for (const page of desk.journal.pages()) {
          turnsAtPage.push(turns);
          yield page;
        }
      },
    };
    const remove = async (): Promise<number> =>
      await removeOld({ directory, days: 9, journal, signer }, desk.clock.now);
    t.equal(await remove(), 1);
    t.strictSame(turnsAtPage, [], 'a seal says that nothing runs');
    const open = newSession(desk, sessionID('B'));
    open.exec('cat');
    const file = join(desk.directory, `${sessionID('B')}-1.events.jsonl`);
    await until('its first line', () => existsSync(file) && readFileSync(file).includes('\n'));
    desk.clock.now += 10 * 86_400_000;
    rmdirSync(join(desk.directory, `${young}-1.cast`));
    t.equal(await remove(), 0, 'its session runs');
    t.equal(turnsAtPage.length, 4);
    t.equal(new Set(turnsAtPage).size, 4, 'others had their turn between any two pages');
  },
);

t.test('the recorder makes its key once, keeps it to itself, and removes what is old when it starts', async t => {
  const state = mkdtempSync(join(tmpdir(), 'trasa-recorder-'));
  const directory = join(state, 'recordings');
  const removed: number[] = [];
  const opened = (days: number, now: number) =>
    openRecorder(state, {
      directory,
      days,
      now: () => now,
      sealed: () => {},
      report: error => t.fail(String(error)),
      removed: count => void removed.push(count),
    });
  const first = opened(0, Date.UTC(2030, 0, 1));
  if (typeof first === 'string') throw new Error(first);
  await recordCommand(first, sessionID('A'));
  await first.close();
  const key = readFileSync(join(state, 'recording-signing-key'), 'utf8');
  t.equal(statSync(join(state, 'recording-signing-key')).mode & 0o777, 0o600);
  rmSync(join(state, 'recording-signing-key.pub'));
  const second = opened(30, Date.UTC(2030, 3, 1));
  if (typeof second === 'string') throw new Error(second);
  await until('the old one to be gone', () => removed.length === 1);
  await second.close();
  t.equal(readFileSync(join(state, 'recording-signing-key'), 'utf8'), key);
  t.match(verification(placeOfProxy(state, directory), [], undefined), { status: 0, verdicts: [{ state: 'removed' }] });
  t.match(verification(placeOfProxy(state, directory), ['nonsense'], undefined), { status: 2 });
  writeFileSync(join(state, 'recording-signing-key'), 'no key');
  t.match(opened(0, 0), /recording-signing-key: is not a private key/);
  writeFileSync(join(state, 'recordings.db'), 'no database, but something that is long enough to be taken for one');
  t.throws(() => placeOfProxy(state, directory), /recordings\.db: file is not a database/);
});

t.test('several processes write one journal', async t => {
  const desk = newDesk();
  const writer = `import { RecordingJournal } from ${JSON.stringify(join(import.meta.dirname, '../../../src/store/recording-journal.ts'))};
const journal = new RecordingJournal(${JSON.stringify(desk.state)});
for (let i = 0; i < 50; i++) journal.append({ event: 'checkpoint', file: String(process.pid), bytes: i }, i % 10 === 0);`;
  const children = [1, 2, 3].map(() =>
    spawn(process.execPath, ['--input-type=module', '-e', writer], { stdio: 'inherit' }),
  );
  for (const child of children) if (child.exitCode === null) await once(child, 'exit');
  t.strictSame(
    children.map(({ exitCode }) => exitCode),
    [0, 0, 0],
  );
  const lines = [...new RecordingJournal(desk.state).lines()];
  t.equal(lines.length, 150);
  t.equal(readJournal(lines).fault, undefined);
});

interface At {
  readonly desk: Desk;
  readonly path: string;
  readonly other: string;
}

function copySeal(from: string, to: string): void {
  for (const suffix of ['.seal', '.seal.sig']) {
    rmSync(`${to}${suffix}`);
    writeFileSync(`${to}${suffix}`, readFileSync(`${from}${suffix}`));
  }
}
