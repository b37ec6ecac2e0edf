/** Logins at the proxy, by OpenSSH: each factor in its place, and TRASA's own dialogue. */
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { answering, passwordOf, startProxySite, terminalAt } from '../helpers/e2e/proxy.ts';

privateHost(t);
t.setTimeout(180_000);
const site = await startProxySite(['alice', 'bob', 'carol', 'dave', 'erin']);
t.teardown(async () => await site.stop());

t.test('a registered key, a code, and a command on the host behind', async t => {
  const { code } = site.members.alice;
  const flags = site.proxy.flags(site.keys.alice);
  const done = await answering(['ssh', ...flags, 'alice@web1@proxy', 'id -un; echo to stderr >&2; exit 7'], {
    OTP: code(),
  });
  t.match(done, { status: 7, stdout: 'alice\n', stderr: /to stderr/ });
  const decision = await site.proxy.said(line => line['event'] === 'decision');
  t.match(decision, {
    door: 'proxy',
    account: 'alice',
    target: 'web1',
    person: 'alice@example.com',
    decision: 'allow',
    factor: 'totp',
  });
});
