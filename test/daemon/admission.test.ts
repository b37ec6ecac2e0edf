import t from 'tap';
import { Admission } from '../../src/daemon/admission.ts';

t.test('there is room for maxLogins and no more', async t => {
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

t.test('recordings are counted apart', async t => {
  const admission = new Admission();
  for (let i = 0; i < 250; i++) admission.enterRecording(1001);
  t.equal(admission.enterRecording(1001), undefined);
  t.ok(admission.enterRecording(1002));
  t.ok(admission.enterLogin(1001, 1));
});
