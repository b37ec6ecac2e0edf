import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadService } from '../../src/system/pam-files.ts';
import { type PamService, parseService } from '../../src/system/pam-stack.ts';
import { wayAround } from '../../src/system/pam-walk.ts';
import { chance } from './pam-trial.ts';

function parse(files: Readonly<Record<string, string>>): PamService {
  return parseService('sshd', name => {
    const text = files[name];
    return text === undefined ? undefined : { file: `/etc/pam.d/${name}`, text };
  });
}

function parsed(files: Readonly<Record<string, string>>): PamService & { kind: 'parsed' } {
  const service = parse(files);
  if (service.kind === 'refused') throw new Error(service.why);
  return service;
}

t.test('each line keeps its place, through includes of every kind', async t => {
  const { stacks, files, faults } = parsed({
    sshd: '# sshd\n@include all\nauth include one\nauth substack two',
    all: 'auth required pam_a.so\naccount required pam_b.so x=[a b] y',
    one: 'account required pam_no.so\n-AUTH sufficient pam_c.so',
    two: 'auth requisite pam_d.so',
  });
  t.match(stacks.auth, [
    { module: 'pam_a.so', level: 0, place: { file: '/etc/pam.d/all', line: 1 } },
    { module: 'pam_c.so', level: 0, place: { file: '/etc/pam.d/one', line: 2 } },
    { kind: 'substack', module: 'two', level: 0, place: { file: '/etc/pam.d/sshd', line: 4 } },
    { module: 'pam_d.so', level: 1, place: { file: '/etc/pam.d/two', line: 1 } },
  ]);
  t.match(stacks.account, [{ module: 'pam_b.so', words: ['x=[a', 'b]', 'y'] }]);
  t.strictSame(
    files.toSorted(),
    ['all', 'one', 'sshd', 'two'].map(name => `/etc/pam.d/${name}`),
  );
  t.strictSame(faults, []);
});

t.test('a phase without lines has those of other', async t => {
  const { stacks } = parsed({
    sshd: 'auth required pam_a.so',
    other: 'auth required pam_x.so\naccount required pam_y.so',
  });
  t.match(stacks.auth, [{ module: 'pam_a.so' }]);
  t.match(stacks.account, [{ module: 'pam_y.so' }]);
});

t.test('what libpam cannot read becomes a line that refuses, and is said', async t => {
  const { stacks, faults } = parsed({
    sshd: 'account include lost\nsession required\npassword\nauht required pam_a.so\nauth [success=maybe] pam_b.so',
  });
  t.match(stacks.account, [{ kind: 'fails' }]);
  t.match(stacks.session, [{ kind: 'fails' }]);
  t.match(stacks.password, [{ kind: 'fails' }]);
  t.match(stacks.auth, [
    { kind: 'fails', module: 'pam_a.so' },
    { kind: 'module', control: { on: {}, otherwise: 'bad' } },
  ]);
  t.match(faults, [
    { place: { line: 1 }, text: 'includes lost, which is not there' },
    { place: { line: 2 }, text: 'names no module' },
    { place: { line: 3 }, text: 'has no control flag' },
    { place: { line: 4 }, text: '"auht" is none of auth, account, session and password' },
    { place: { line: 5 }, text: 'its control flag expects an action, not "maybe"' },
  ]);
});

t.test('what makes libpam give up is said with its place', async t => {
  t.match(parse({}), { kind: 'refused', place: undefined, why: 'neither sshd nor other has a file' });
  t.match(parse({ sshd: 'auth required pam_a.so\n@include lost' }), {
    kind: 'refused',
    place: { line: 2 },
    why: /lost/,
  });
  t.match(parse({ sshd: 'auth required pam_a.so \\' }), { kind: 'refused', why: /backslash/ });
  t.match(parse({ sshd: 'auth required pam_a.so', other: 'x \\' }), { kind: 'refused', place: { file: /other/ } });
});

t.test('files that include each other end', async t => {
  t.match(parse({ sshd: '@include sshd' }), { kind: 'refused', why: 'includes sshd at a depth of 16' });
  t.match(parse({ sshd: '@include sshd\n@include sshd' }), { kind: 'refused' });
  const { stacks } = parsed({ sshd: 'auth include sshd' });
  t.match(stacks.auth, [{ kind: 'fails' }]);
  const wide = 'auth include a\n'.repeat(4);
  t.match(parse({ sshd: wide, a: wide }), { kind: 'refused', why: 'includes more than 256 files' });
});

t.test('whatever stands there, it is read and walked to an end', async t => {
  const below = chance(7);
  const words = [
    'auth',
    'account',
    '@include',
    'include',
    'substack',
    'a',
    'b',
    'required',
    '[',
    ']',
    '[success=1',
    'default=die]',
  ];
  const more = [
    '[default=9]',
    '[success=reset]',
    'pam_trasa.so',
    'pam_x.so',
    '\\',
    '\\\n',
    '\n',
    '\n',
    '#',
    '\0',
    '\r',
    '-auth',
    '=',
    '\u00e9',
  ];
  const all = [...words, ...more];
  const text = (): string => Array.from({ length: below(60) }, () => all[below(all.length)]).join(' ');
  let parsedSome = 0;
  for (let i = 0; i < 500; i += 1) {
    const service = parse({ sshd: text(), a: text(), b: text(), other: '' });
    if (service.kind === 'refused') continue;
    parsedSome += 1;
    for (const phase of ['auth', 'account'] as const) wayAround(service.stacks[phase], phase);
  }
  t.ok(parsedSome > 50, `${parsedSome} were read`);
});

t.test('a long stack is walked, and so is one from which every line jumps', async t => {
  const lines = Array.from(
    { length: 300 },
    (_, i) => `auth [success=${1 + (i % 7)} auth_err=reset default=ignore] pam_x.so`,
  );
  const { stacks } = parsed({ sshd: `${lines.join('\n')}\nauth required pam_trasa.so\n` });
  t.equal(wayAround(stacks.auth, 'auth').kind, 'none');
});

t.test('files are looked for in the order of the directories; what is no file is not there', async t => {
  const folder = t.testdir({
    etc: { sshd: '@include shared' },
    usr: { sshd: '@include lost', shared: 'auth required pam_\u00fc.so' },
  });
  const directories = [join(folder, 'etc'), join(folder, 'usr')];
  t.match(loadService('SSHD', directories), { kind: 'parsed', files: [/etc\/sshd$/, /usr\/shared$/] });
  mkdirSync(join(folder, 'etc/cron'));
  t.match(loadService('cron', directories), { kind: 'refused' });
  writeFileSync(join(folder, 'etc/big'), '#'.repeat(300_000));
  t.match(loadService('big', directories), { kind: 'refused' });
});
