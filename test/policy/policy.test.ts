import t from 'tap';
import { type LoginPolicy, requirementOf } from '../../src/policy/policy.ts';
import { defaultPolicy } from '../helpers/fake-ports.ts';

t.test('the first rule that speaks wins: users before groups, required before exempt', async t => {
  const table: [Partial<LoginPolicy>, string[] | undefined, string][] = [
    [{}, ['staff'], 'required'],
    [{}, undefined, 'required'],
    [{ requiredUsers: ['bob'] }, ['staff'], 'not-required'],
    [{ requiredUsers: ['alice'], exemptGroups: ['staff'] }, ['staff'], 'required'],
    [{ exemptUsers: ['alice'], requiredGroups: ['staff'] }, ['staff'], 'exempt-user'],
    [{ requiredGroups: ['staff'], exemptGroups: ['staff2'] }, ['staff', 'staff2'], 'required'],
    [{ exemptGroups: ['staff'] }, ['alice', 'staff'], 'exempt-group'],
    [{ exemptGroups: ['staff'] }, ['alice'], 'required'],
    [{ requiredGroups: ['admins'], exemptGroups: ['staff'] }, ['other'], 'not-required'],
    [{ exemptGroups: ['staff'] }, undefined, 'undecidable'],
    [{ requiredGroups: ['staff'] }, undefined, 'undecidable'],
    [{ exemptUsers: ['alice'], exemptGroups: ['staff'] }, undefined, 'exempt-user'],
    [{ requiredUsers: ['alice'], requiredGroups: ['staff'] }, undefined, 'required'],
  ];
  for (const [rules, groups, expected] of table) {
    const requirement = requirementOf({ ...defaultPolicy, ...rules }, 'alice', groups);
    const got = requirement.kind === 'bypass' ? requirement.rule : requirement.kind;
    t.equal(got, expected, JSON.stringify([rules, groups ?? 'no groups']));
  }
});

t.test('names match whole and in their case', async t => {
  for (const exempt of ['Alice', 'alic', 'alice ', 'alice2', '*'])
    t.equal(requirementOf({ ...defaultPolicy, exemptUsers: [exempt] }, 'alice', []).kind, 'required');
});
