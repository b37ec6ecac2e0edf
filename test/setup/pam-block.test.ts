import t from 'tap';
import { type PamWishes, putPamLines, takePamLines } from '../../src/setup/pam-block.ts';

const debian = `# PAM configuration for the Secure Shell service
@include common-auth
account    required     pam_nologin.so
# account  required     pam_access.so
@include common-account
session    required     pam_loginuid.so
@include common-password
`;
const everybody = { users: [], groups: [] };
const some = { users: ['alice'], groups: [] };
const agent = '/usr/lib/trasa-agent/trasa-agent';

function wishes(changes: Partial<PamWishes>): PamWishes {
  return { door: 'pam', firstFactor: 'key', scope: everybody, agent, ...changes };
}

function put(file: string, changes: Partial<PamWishes> = {}): string {
  const edited = putPamLines(file, wishes(changes));
  if (edited.kind === 'refused') throw new Error(edited.text);
  return edited.text;
}

/** What libpam would read of it. */
function lines(file: string): string[] {
  return file
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => line.replace(/\s+/g, ' '));
}

t.test('each door has its lines in their places, and the others are as they were', async t => {
  const first = [
    'account requisite pam_nologin.so',
    'account [acct_expired=die authtok_expired=die default=ignore] pam_unix.so',
  ];
  const hook = `pam_exec.so stdout quiet ${agent} pam`;
  const cases: [Partial<PamWishes>, string[], string[]][] = [
    // wishes, auth, what stands between pam_nologin and common-account
    [{}, ['auth required pam_trasa.so'], ['account required pam_trasa.so']],
    [{ scope: some }, ['auth required pam_trasa.so exempt=ignore'], ['account required pam_trasa.so']],
    [
      { firstFactor: 'password' },
      ['@include common-auth', 'auth required pam_trasa.so first=password'],
      ['account required pam_trasa.so'],
    ],
    [{ firstFactor: 'any' }, ['@include common-auth'], ['account required pam_trasa.so']],
    [
      { door: 'pam-exec' },
      [`auth required pam_exec.so expose_authtok stdout quiet ${agent} pam`, 'auth required pam_permit.so'],
      [],
    ],
    [
      { door: 'pam-exec', firstFactor: 'password' },
      ['@include common-auth', `auth required ${hook} --after-password`],
      [],
    ],
    [{ door: 'pam-exec', firstFactor: 'any' }, ['@include common-auth'], [`account required ${hook}`]],
  ];
  for (const [changes, auth, account] of cases)
    t.strictSame(
      lines(put(debian, changes)),
      [
        ...auth,
        'account required pam_nologin.so',
        ...(account.length > 0 ? first : []),
        ...account,
        '@include common-account',
        'session required pam_loginuid.so',
        '@include common-password',
      ],
      JSON.stringify(changes),
    );
});

t.test('what was put can be taken, byte for byte, and is not put twice', async t => {
  const odd = debian
    .replace('@include common-auth\n', '  @include  common-auth \t\n')
    .replace('# account', '\t#\u00e4 account');
  for (const file of [debian, odd, debian.trimEnd()])
    for (const door of ['pam', 'pam-exec'] as const)
      for (const firstFactor of ['key', 'password', 'any'] as const) {
        const once = put(file, { door, firstFactor });
        t.equal(takePamLines(once), file);
        t.equal(put(once, { door, firstFactor }), once);
        t.equal(put(put(file, { door: 'pam', firstFactor: 'key' }), { door, firstFactor }), once, 'another door');
      }
  t.equal(takePamLines(debian), debian);
});

t.test('a file that is not as Debian has it is refused', async t => {
  const refusals: [string, RegExp, number | undefined][] = [
    [debian.replace('@include common-auth', 'auth substack password-auth'), /no line @include common-auth/, undefined],
    [
      debian.replace('@include common-account', '#@include common-account'),
      /no line @include common-account/,
      undefined,
    ],
    [
      debian.replace('account    required     pam_nologin.so\n', '').concat('account required pam_nologin.so\n'),
      /pam_nologin.so behind/,
      7,
    ],
    [debian.replace('session', 'auth required pam_trasa.so\nsession'), /did not make/, 6],
    [debian.replace('session', `auth required pam_exec.so ${agent} pam\nsession`), /did not make/, 6],
  ];
  for (const [file, text, line] of refusals) t.match(putPamLines(file, wishes({})), { kind: 'refused', text, line });
});
