import t from 'tap';
import { Admission } from '../../src/daemon/admission.ts';

t.test('root has room for maxLogins and no more', async t => {
  const admission = new Admission();
  const leave = admission.enterLogin(0, 2);
  t.ok(leave);
  t.ok(admission.enterLogin(0, 2));
  t.equal(admission.enterLogin(0, 2), undefined);
  leave?.();
  leave?.(); // a place is given back once
  t.equal(admission.logins, 1);
  t.ok(admission.enterLogin(0, 2));
  t.equal(admission.enterLogin(0, 2), undefined);
});

t.test('a quarter of the logins is kept for root, rounded down', async t => {
  for (const [all, others] of [
    [1, 1],
    [3, 3],
    [4, 3],
    [20, 15],
    [256, 192],
  ] as const) {
    const admission = new Admission();
    for (let uid = 1; uid <= others; uid++) t.ok(admission.enterLogin(uid, all));
    t.equal(admission.enterLogin(9999, all), undefined);
    for (let taken = others; taken < all; taken++) t.ok(admission.enterLogin(0, all), `${taken + 1} of ${all}`);
    t.equal(admission.enterLogin(0, all), undefined);
  }
});

t.test('what root has counts for nobody else', async t => {
  const admission = new Admission();
  t.ok(admission.enterLogin(0, 4));
  for (let uid = 1; uid <= 3; uid++) t.ok(admission.enterLogin(uid, 4));
});

t.test('a caller more than 64 of one uid: its oldest is dropped', async t => {
  const admission = new Admission();
  const dropped: string[] = [];
  admission.enterCaller(1, () => dropped.push('other'));
  for (let i = 0; i < 64; i++) admission.enterCaller(1001, () => dropped.push(`${i}`));
  t.same(dropped, []);
  admission.enterCaller(1001, () => dropped.push('64'));
  admission.enterCaller(1001, () => dropped.push('65'));
  t.same(dropped, ['0', '1']);
  t.equal(admission.callers, 65);
});

t.test('a caller more than 256: the oldest is dropped, and never one of root for another', async t => {
  const admission = new Admission();
  const dropped: number[] = [];
  admission.enterCaller(0, () => dropped.push(0));
  const leave = admission.enterCaller(1, () => dropped.push(1));
  for (let uid = 2; uid <= 256; uid++) admission.enterCaller(uid, () => dropped.push(uid));
  t.same(dropped, [1]);
  leave(); // no more than once
  t.equal(admission.callers, 256);
  admission.enterCaller(0, () => {});
  t.same(dropped, [1, 2]);

  const onlyRoot = new Admission();
  for (let i = 0; i < 257; i++) onlyRoot.enterCaller(0, () => dropped.push(1000 + i));
  t.same(dropped, [1, 2, 1000]);
});

t.test('one user has a quarter of it, and at least one place', async t => {
  const admission = new Admission();
  t.ok(admission.enterLogin(1001, 8));
  const leave = admission.enterLogin(1001, 8);
  t.equal(admission.enterLogin(1001, 8), undefined);
  t.ok(admission.enterLogin(1002, 8));
  leave?.();
  t.ok(admission.enterLogin(1001, 8));
  t.ok(new Admission().enterLogin(1001, 1));
});

t.test('the quarter is exact, and rounded up', async t => {
  for (const [all, share] of [
    [1, 1],
    [4, 1],
    [5, 2],
    [20, 5],
    [100, 25],
  ] as const) {
    const admission = new Admission();
    for (let taken = 0; taken < share; taken++) t.ok(admission.enterLogin(1001, all), `${taken + 1} of ${all}`);
    t.equal(admission.enterLogin(1001, all), undefined, `no more than ${share} of ${all}`);
  }
});

t.test('one user records twenty sessions at once; recordings are counted apart', async t => {
  const admission = new Admission();
  const leave = admission.enterRecording(1001);
  for (let i = 1; i < 20; i++) t.ok(admission.enterRecording(1001));
  t.equal(admission.enterRecording(1001), undefined);
  t.ok(admission.enterRecording(1002));
  t.ok(admission.enterLogin(1001, 1));
  leave?.();
  t.ok(admission.enterRecording(1001));
});
