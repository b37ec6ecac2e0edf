import t from 'tap';
import { dropInFor, dropInText, expectedFor, type SshdWishes } from '../../src/setup/sshd-lines.ts';

const everybody = { users: [], groups: [] };

function wishes(changes: Partial<SshdWishes>): SshdWishes {
  return {
    door: 'pam',
    firstFactor: 'key',
    scope: everybody,
    agent: '/agent',
    knowsUnusedConnectionTimeout: true,
    permitRootLogin: 'prohibit-password',
    ...changes,
  };
}

function expected(changes: Partial<SshdWishes>, user: string, groups: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(expectedFor(dropInFor(wishes(changes)), user, groups));
}

t.test('a key, then what PAM asks: for everybody but root, whom sshd lets nobody ask', async t => {
  t.strictSame(expected({}, 'alice'), {
    usepam: 'yes',
    kbdinteractiveauthentication: 'yes',
    authenticationmethods: 'publickey,keyboard-interactive:pam',
  });
  t.match(expected({}, 'root'), { authenticationmethods: 'publickey' });
  for (const permitRootLogin of ['yes', 'no'])
    t.match(expected({ permitRootLogin }, 'root'), { authenticationmethods: 'publickey,keyboard-interactive:pam' });
});

t.test('where a key is enough for some, nothing but a key is enough for them', async t => {
  const scope = { users: ['alice'], groups: ['sudo'] };
  t.match(expected({ scope }, 'bob'), { authenticationmethods: 'publickey' });
  for (const [user, groups] of [
    ['alice', []],
    ['bob', ['bob', 'sudo']],
  ] as const)
    t.match(expected({ scope }, user, groups), { authenticationmethods: 'publickey,keyboard-interactive:pam' });
  t.match(expected({ scope }, 'root', ['sudo']), { authenticationmethods: 'publickey' });
});

t.test('after a password nothing changes for whoever is not meant', async t => {
  const scope = { users: ['alice'], groups: [] };
  t.strictSame(expected({ firstFactor: 'password', scope }, 'bob'), { usepam: 'yes' });
  t.match(expected({ firstFactor: 'password', scope }, 'alice'), {
    authenticationmethods: 'publickey keyboard-interactive:pam',
  });
  t.match(expected({ door: 'pam-exec', firstFactor: 'password' }, 'alice'), {
    authenticationmethods: 'keyboard-interactive:pam',
  });
  t.strictSame(expected({ firstFactor: 'any' }, 'alice'), { usepam: 'yes' });
});

t.test('a forced command comes with what makes it hold, and what Match cannot hold stands outside', async t => {
  const all = {
    permituserenvironment: 'no',
    forcecommand: 'exec /agent login',
    disableforwarding: 'yes',
    x11forwarding: 'no',
    allowagentforwarding: 'no',
    permituserrc: 'no',
    setenv: 'SHLVL=2',
    exposeauthinfo: 'yes',
    unusedconnectiontimeout: '300',
  };
  t.strictSame(expected({ door: 'force-command' }, 'anybody'), all);
  const { unusedconnectiontimeout: _, ...older } = all;
  t.strictSame(expected({ door: 'force-command', knowsUnusedConnectionTimeout: false }, 'anybody'), older);
  const scope = { users: ['alice'], groups: [] };
  t.strictSame(expected({ door: 'force-command', scope }, 'alice'), all);
  t.strictSame(expected({ door: 'force-command', scope }, 'bob'), { permituserenvironment: 'no' });
  const text = dropInText(dropInFor(wishes({ door: 'force-command', scope })));
  t.ok(text.indexOf('PermitUserEnvironment') < text.indexOf('Match User alice'));
});

t.test('every setting has its reason above it', async t => {
  for (const door of ['pam', 'pam-exec', 'force-command'] as const) {
    const lines = dropInText(dropInFor(wishes({ door, scope: { users: ['alice'], groups: ['sudo'] } }))).split('\n');
    for (const [index, line] of lines.entries())
      if (/^\s*[A-Z]/.test(line)) t.match(lines[index - 1], /^\s*# \S/, line);
  }
});
