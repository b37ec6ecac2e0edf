import t from 'tap';
import { readItems } from '../../src/pam/items.ts';

/** As native().environment() returns it. */
function environment(...entries: string[]): string {
  return Buffer.from(entries.map(entry => `${entry}\0`).join('')).toString('latin1');
}

const own = ['PAM_SERVICE=sshd', 'PAM_USER=alice', 'PAM_TTY=ssh', 'PAM_RHOST=192.0.2.7', 'PAM_TYPE=auth'];
const expected = {
  type: 'auth',
  service: 'sshd',
  user: 'alice',
  tty: 'ssh',
  rhost: '192.0.2.7',
  ruser: undefined,
  connection: '192.0.2.7 50022 192.0.2.1 22',
  authInfo: 'publickey ssh-ed25519 AAAA\n',
};
const fromSshd = ['SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA\n', 'SSH_CONNECTION=192.0.2.7 50022 192.0.2.1 22'];

t.test('the items are those of pam_exec, and sshd adds how the client came in', async t => {
  t.strictSame(readItems(environment(...fromSshd, ...own)), expected);
});

t.test(
  'an entry in the PAM environment that looks like an item is none, not even where the item is missing',
  async t => {
    const planted = ['PAM_USER=root', 'PAM_RUSER=alice', 'PAM_TYPE=account', 'PAM_SERVICE=sudo', 'PAM_RHOST='];
    t.strictSame(readItems(environment(...planted, ...fromSshd, ...own)), expected);
  },
);

t.test('an environment in which pam_exec has not said everything is refused', async t => {
  t.equal(readItems(''), undefined);
  t.equal(readItems(environment('HOME=/', 'PATH=/bin')), undefined);
  for (const name of ['PAM_SERVICE', 'PAM_USER', 'PAM_TYPE'])
    t.equal(readItems(environment(...own.filter(entry => !entry.startsWith(`${name}=`)))), undefined, name);
  t.equal(readItems(environment('PAM_SERVICE=x', 'PAM_USER=', 'PAM_TYPE=auth')), undefined, 'nobody');
});

t.test('what is empty is absent', async t => {
  const items = readItems(environment('PAM_SERVICE=x', 'PAM_USER=alice', 'PAM_RHOST=', 'PAM_TTY=', 'PAM_TYPE=auth'));
  t.match(items, { rhost: undefined, tty: undefined, connection: undefined, authInfo: undefined });
});

t.test('names are UTF-8, whatever the locale', async t => {
  t.equal(readItems(environment('PAM_SERVICE=x', 'PAM_USER=jürgen', 'PAM_TYPE=auth'))?.user, 'jürgen');
  const broken = 'PAM_SERVICE=x\0PAM_USER=j\xfcrgen\0PAM_TYPE=auth\0';
  t.equal(readItems(broken)?.user, 'j\ufffdrgen', 'and nobody is called that');
});
