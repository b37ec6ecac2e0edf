import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { MemoryError } from '../../src/auth/ports.ts';
import { type ApprovalRequest, Approvals } from '../../src/store/approvals.ts';

const minute = 60_000;
const request: ApprovalRequest = {
  person: 'alice@example.com',
  account: 'root',
  target: 'web1',
  client: '192.0.2.1',
  policy: 'vault',
  lastsMs: 60 * minute,
};

/** The proxy's and the command's, on the same file. */
function two(): readonly [Approvals, Approvals] {
  const directory = mkdtempSync(join(tmpdir(), 'approvals-'));
  const both = [new Approvals(directory), new Approvals(directory)] as const;
  t.teardown(() => both.forEach(one => one.close()));
  return both;
}

t.test(
  'asked by one process, approved by another, in force for its time, for this person, account and service',
  async t => {
    const [proxy, command] = two();
    const asked = proxy.ask(request, 0, () => 'AAAAAA');
    t.strictSame(command.list(0), [
      { ...request, id: 'AAAAAA', askedAt: 0, state: 'waiting', decidedBy: '', decidedAt: 0 },
    ]);
    t.equal(proxy.inForce(request, 0), undefined);
    t.match(command.decide('AAAAAA', 'approved', 'uid 0', minute), { state: 'approved' });
    t.match(proxy.find(asked.id), { state: 'approved', decidedBy: 'uid 0', decidedAt: minute });
    t.match(proxy.inForce(request, 61 * minute - 1), { id: 'AAAAAA' });
    t.equal(proxy.inForce(request, 61 * minute), undefined);
    for (const other of [{ person: 'bob@example.com' }, { account: 'alice' }, { target: 'web2' }])
      t.equal(proxy.inForce({ ...request, ...other }, minute), undefined);
    t.equal(command.list(61 * minute).length, 0);
  },
);

t.test('who asks again from there is not asked about twice; from elsewhere they are', async t => {
  const [proxy] = two();
  t.equal(proxy.ask(request, 0, () => 'AAAAAA').id, 'AAAAAA');
  t.equal(proxy.ask(request, 14 * minute, () => 'BBBBBB').id, 'AAAAAA');
  t.equal(proxy.ask({ ...request, client: '192.0.2.2' }, 0, () => 'CCCCCC').id, 'CCCCCC');
  t.equal(proxy.ask(request, 15 * minute, () => 'DDDDDD').id, 'DDDDDD', 'the first is too old');
});

t.test('a refusal holds for a minute, and takes an approval back', async t => {
  const [proxy, command] = two();
  proxy.ask(request, 0, () => 'AAAAAA');
  command.decide('AAAAAA', 'refused', 'uid 0', 0);
  t.equal(command.decide('AAAAAA', 'approved', 'uid 0', 1), undefined, 'a refusal is not taken back');
  t.match(
    proxy.ask(request, minute - 1, () => 'BBBBBB'),
    { id: 'AAAAAA', state: 'refused' },
  );
  t.match(
    proxy.ask(request, minute, () => 'BBBBBB'),
    { id: 'BBBBBB', state: 'waiting' },
  );
  command.decide('BBBBBB', 'approved', 'uid 0', minute);
  t.ok(proxy.inForce(request, minute));
  t.ok(command.decide('BBBBBB', 'refused', 'uid 0', minute));
  t.equal(proxy.inForce(request, minute), undefined);
});

t.test('what is not there, or is too old, is not decided', async t => {
  const [proxy, command] = two();
  proxy.ask(request, 0, () => 'AAAAAA');
  t.equal(command.decide('BBBBBB', 'approved', 'uid 0', 0), undefined);
  t.equal(command.decide('AAAAAA', 'approved', 'uid 0', 15 * minute), undefined);
  t.equal(proxy.inForce(request, 15 * minute), undefined);
});

t.test('it is for its owner alone, and says what is wrong with it', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'approvals-'));
  const approvals = new Approvals(directory);
  approvals.list(0);
  approvals.close();
  t.equal(statSync(join(directory, 'approvals.db')).mode & 0o777, 0o600);
  writeFileSync(join(directory, 'approvals.db'), 'no database at all, but long enough to be looked at by its header');
  t.throws(() => approvals.list(0), MemoryError);
  t.throws(() => approvals.list(0), { message: /approvals\.db: / });
});
