/** Holds and graces, of the daemon and of the proxy: listed, and ended by an administrator. */
import t from 'tap';
import { command } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { answering, startProxySite } from '../helpers/e2e/proxy.ts';

privateHost(t);

const site = await startProxySite(['alice', 'bob'], { more: '[throttle]\naccountFreeTries = 2\nfirstHold = 600\n' });
t.teardown(async () => await site.stop());
const ofProxy = ['--proxy', '--config', '/etc/trasa/trasa-proxy.toml'];

function ssh(name: 'alice' | 'bob'): [string, ...string[]] {
  return ['ssh', ...site.proxy.flags(site.keys[name]), `${name}@web1@proxy`, 'id -un'];
}

t.test('a grace is seen, and ended at once', async t => {
  const { alice } = site.members;
  t.match(await answering(ssh('alice'), { OTP: alice.code() }), { status: 0, stdout: 'alice\n' });
  t.match(await run(ssh('alice')), { status: 0 }, 'no question now');
  const listed = await command(['graces', 'list', '--json', ...ofProxy]);
  const grace = JSON.parse(listed) as Record<string, unknown>;
  t.match(grace, {
    id: /^[0-9a-f]{8}$/,
    account: 'alice',
    address: '127.0.0.1',
    key: /^SHA256:/,
    person: 'alice@example.com',
    target: 'web1',
    until: /^20/,
  });
  t.match(
    await command(['graces', 'list', ...ofProxy]),
    /alice@example\.com as alice@web1\tfrom 127\.0\.0\.1\tSHA256:/,
  );
  t.match(await run([agent, 'graces', 'revoke', '00000000', ...ofProxy]), { status: 1, stderr: /no grace 00000000/ });
  t.match(await run([agent, 'graces', 'revoke', ...ofProxy]), { status: 64, stderr: /say which/ });
  t.match(await run(ssh('alice')), { status: 0 });
  t.equal(await command(['graces', 'revoke', String(grace['id']), ...ofProxy]), 'revoked 1\n');
  t.match(await run(['ssh', '-o', 'BatchMode=yes', ...ssh('alice').slice(1)]), { status: 255 }, 'asked again');
});

t.test('somebody who is held off is seen, and released', async t => {
  const { bob } = site.members;
  for (let n = 0; n < 3; n++) await answering(ssh('bob'), { OTP: bob.wrongCode() });
  t.match(await answering(ssh('bob'), { OTP: bob.code() }), { status: 255, stderr: /Too many wrong codes/ });
  t.match(await command(['holds', 'list', ...ofProxy]), /^person\tbob@example\.com\t\d failed\tuntil 20/m);
  t.match(await run([agent, 'holds', 'release', 'nobody', ...ofProxy]), { status: 1, stderr: /nothing is counted/ });
  t.equal(await command(['holds', 'release', 'bob@example.com', ...ofProxy]), 'released bob@example.com\n');
  t.match(await answering(ssh('bob'), { OTP: bob.code() }), { status: 0, stdout: 'bob\n' });
});

t.test('each service has its own; and a place that is none is said to be', async t => {
  t.match(await run([agent, 'holds', 'list', '--config', '/etc/trasa/trasa-proxy.toml']), {
    status: 77,
    stderr: /\/var\/lib\/trasa-agent/,
  });
});
