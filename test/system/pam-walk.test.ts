/** Stacks as administrators write them, and the ways around the second factor in them. */
import t from 'tap';
import { type PamPhase, parseService, type ReadPamFile } from '../../src/system/pam-stack.ts';
import { type Way, wayAround, wayThrough } from '../../src/system/pam-walk.ts';
import { distributions } from './distributions.ts';

const { debian, 'rhel-9': redHat } = distributions;

function ways(
  phase: PamPhase,
  text: string,
  files: Readonly<Record<string, string>> = {},
): { around: Way; through: Way } {
  const all: Readonly<Record<string, string>> = { ...files, sshd: text };
  const read: ReadPamFile = name => {
    const found = all[name];
    return found === undefined ? undefined : { file: `/etc/pam.d/${name}`, text: found };
  };
  const service = parseService('sshd', read);
  if (service.kind === 'refused') throw new Error(service.why);
  const stack = service.stacks[phase];
  return { around: wayAround(stack, phase), through: wayThrough(stack, phase) };
}

/** The places on a way, and what was returned there. */
function stepsOf(way: Way): string[] {
  if (way.kind !== 'found') return [way.kind];
  return way.steps.map(
    ({ entry, returned }) => `${entry.place.file.replace('/etc/pam.d/', '')}:${entry.place.line} ${returned}`,
  );
}

t.test('there is no way around a required line that is reached', async t => {
  for (const text of [
    'auth required pam_trasa.so',
    '@include common-auth\nauth required pam_trasa.so first=password',
    'auth required pam_trasa.so\n@include common-auth',
    'auth requisite pam_trasa.so exempt=ignore\nauth required pam_permit.so',
    'auth [success=ok default=die] pam_trasa.so\nauth sufficient pam_unix.so',
    'auth required pam_exec.so expose_authtok stdout quiet /usr/lib/trasa-agent/trasa-agent pam\nauth required pam_permit.so',
    'auth substack common-auth\nauth required trasapam.so',
    'auth substack password\nauth required pam_trasa.so',
  ]) {
    const { around, through } = ways('auth', text, { ...debian, password: 'auth sufficient pam_unix.so' });
    t.equal(around.kind, 'none', text);
    t.equal(through.kind, 'found', text);
  }
});

t.test('a line that ends the stack before ours is a way around', async t => {
  const { around } = ways('auth', 'auth include system-auth\nauth required pam_trasa.so', redHat);
  t.match(stepsOf(around).at(-1), /^system-auth:8 success$/);
});

t.test('a substack that ends early is none, but one that jumps past ours is', async t => {
  const after = 'auth substack system-auth\nauth required pam_trasa.so';
  t.equal(ways('auth', after, redHat).around.kind, 'none');
  const { around } = ways(
    'auth',
    'auth [success=1 default=ignore] pam_unix.so\nauth required pam_trasa.so\nauth required pam_permit.so',
  );
  t.strictSame(stepsOf(around), ['sshd:1 success', 'sshd:3 success']);
});

t.test('a refusal without effect is a way around', async t => {
  const vendor = '@include common-auth\nauth [success=1 default=ignore] pam_trasa.so\nauth optional pam_group.so';
  t.match(stepsOf(ways('auth', vendor, debian).around), [
    /common-auth:1 success/,
    /common-auth:3 success/,
    /./,
    /sshd:2 auth_err/,
  ]);
  t.equal(ways('auth', 'auth required pam_permit.so\nauth optional pam_trasa.so').around.kind, 'found');
  t.equal(ways('auth', '@include common-auth\nauth sufficient pam_trasa.so', debian).around.kind, 'found');
  const absent = '@include common-auth\nauth [success=ok authinfo_unavail=ignore default=bad] pam_trasa.so';
  t.match(stepsOf(ways('auth', absent, debian).around).at(-1), 'sshd:2 authinfo_unavail');
});

t.test('a stack in which nothing has succeeded refuses', async t => {
  const { around } = ways('auth', 'auth optional pam_warn.so\nauth [success=ok default=ignore] pam_trasa.so');
  t.equal(around.kind, 'none');
});

t.test('an expired password is a way in for the account phase, and ends it early', async t => {
  const late = ways('account', '@include common-account\naccount required pam_trasa.so', debian);
  t.strictSame(stepsOf(late.around), ['common-account:1 new_authtok_reqd']);
  const first = ways('account', 'account required pam_trasa.so\n@include common-account', debian);
  t.equal(first.around.kind, 'none');
});

t.test('a line that does nothing in this phase is not ours', async t => {
  t.equal(
    ways('account', 'account required pam_trasa.so phase=auth\naccount required pam_permit.so').around.kind,
    'found',
  );
  const exec = 'auth required pam_exec.so type=account /usr/bin/trasa-agent pam\nauth required pam_permit.so';
  t.equal(ways('auth', exec).around.kind, 'found');
  t.equal(
    ways('auth', 'auth required pam_exec.so /usr/bin/trasa-agent check\nauth required pam_permit.so').around.kind,
    'found',
  );
});

t.test("the original's name is ours if it has the word that only ours has", async t => {
  t.equal(ways('auth', 'auth required trasapam.so').around.kind, 'none');
  t.equal(ways('account', 'account required trasapam.so prompt=trasa').around.kind, 'none');
  t.equal(ways('account', 'account required trasapam.so').around.kind, 'found');
});

t.test('a stack that nobody gets through is said', async t => {
  t.equal(ways('auth', 'auth required pam_trasa.so\nauth required pam_deny.so').through.kind, 'none');
  t.equal(ways('auth', 'auth required pam_trasa.so\nauth [success=2 default=bad] pam_permit.so').through.kind, 'none');
});
