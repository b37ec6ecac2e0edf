/** Server, daemon or configuration are not as they should be: who gets in then, and what the person is told. */
import { rmSync } from 'node:fs';
import t from 'tap';
import { configFile, during, writeConfig } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { startSite } from '../helpers/e2e/site.ts';
import { ssh } from '../helpers/e2e/ssh.ts';
import { until } from '../helpers/e2e/until.ts';

privateHost(t);

const site = await startSite(['alice', 'bob']);
t.teardown(async () => {
  await site.sshd.stop();
  await site.server.stop();
});
const word = async (user: string) => await ssh(site.sshd, user, ['echo in']);

/** The same host with other sections, which stand before [identity.people]. */
const withSections = (sections: string): string => site.config.replace('[identity.people]', `${sections}\n$&`);

await site.daemon.stop();
rmSync('/run/trasa-agent/agent.sock', { force: true });

t.test('without a daemon nobody gets in', async t => {
  const { status, stdout, stderr } = await word('alice');
  t.equal(status, 69);
  t.equal(stdout, '');
  t.match(stderr, /^trasa-agent: .*\n$/, 'one line');
  t.notMatch(stderr, /at .*\.ts|Error:/);
});

t.test('a broken configuration lets nobody in, and the log names every problem', async t => {
  await during('trasaServerURL = "http://x"\nserviceID = 5\nfailmode = "safe"\n', async daemon => {
    const { status, stdout, stderr } = await word('alice');
    t.equal(status, 78);
    t.equal(stdout, '');
    t.match(stderr, /two-factor configuration is missing or wrong/);
    for (const problem of [/trasaServerURL/, /serviceID/, /serviceKey/, /failmode/])
      t.match(daemon.process.stdout, problem);
  });
});

t.test('a missing configuration lets nobody in', async t => {
  await during('', async daemon => {
    rmSync(configFile);
    daemon.process.child.kill('SIGHUP');
    await daemon.process.printed(/no such file|not exist|missing/i);
    const { status, stderr } = await word('alice');
    t.equal(status, 78);
    t.match(stderr, /two-factor configuration is missing or wrong/);
  });
});

t.test('a reload keeps the old configuration if the new one is bad', async t => {
  await during(withSections('[policy]\nexemptUsers = ["alice"]'), async daemon => {
    const loaded = (): number => daemon.process.stdout.split('configuration loaded').length;
    t.equal((await word('alice')).status, 0);
    writeConfig('this is not TOML');
    daemon.process.child.kill('SIGHUP');
    await daemon.process.printed(/the old one stays|"level":"error"/);
    t.equal((await word('alice')).status, 0, 'the old rules go on');

    writeConfig(withSections('[policy]\nexemptUsers = ["bob"]'));
    const before = loaded();
    daemon.process.child.kill('SIGHUP');
    await until('the new rules', () => loaded() > before);
    t.equal((await word('bob')).status, 0, 'the new rules');
  });
});

t.test('a second daemon does not take the place of one that is at work', async t => {
  await during(withSections('[policy]\nexemptUsers = ["bob"]'), async () => {
    const { status, stdout, stderr } = await run([agent, 'daemon']);
    t.not(status, 0);
    t.match(stdout + stderr, /agent\.sock/);
    t.equal((await word('bob')).status, 0);
  });
});

t.test('the server refuses our key: nobody gets in, whatever the fail mode', async t => {
  const wrongKey = withSections('[policy]\nfailMode = "safe"').replace(/serviceKey = ".*"/, 'serviceKey = "wrong"');
  await during(wrongKey, async daemon => {
    const { status, stderr } = await word('alice');
    t.equal(status, 78);
    t.match(stderr, /does not accept this host/);
    t.match(await daemon.audited(line => line['event'] === 'decision'), { reason: 'credentials-refused' });
    t.notMatch(daemon.process.stdout, /"wrong"/, 'the key is not logged');
  });
});

t.test('a server with another key: nobody gets in, whatever the fail mode', async t => {
  const wrongPin = withSections('[policy]\nfailMode = "safe"')
    .replace(/pins = .*/, `pins = ["sha256//${'A'.repeat(43)}="]`)
    .replace(/caFile = .*/, '');
  await during(wrongPin, async daemon => {
    t.equal((await word('alice')).status, 69);
    t.match(await daemon.audited(line => line['event'] === 'decision'), {
      reason: 'server-unavailable',
      detail: /^tls: /,
    });
  });
});

t.test('check says what an administrator needs to know before anybody is locked out', async t => {
  writeConfig(site.config);
  const good = await run([agent, 'check']);
  t.match(good, {
    status: 0,
    stdout: `${configFile}: configuration is valid\n${site.server.url}: accepts this host\n`,
  });

  writeConfig(site.config.replace(/serviceKey = ".*"/, 'serviceKey = "wrong"'));
  const refused = await run([agent, 'check']);
  t.equal(refused.status, 78);
  t.match(refused.stderr, /does not accept this host.*\n.*serviceKey/);

  writeConfig(site.config.replace(/trasaServerURL = ".*"/, 'trasaServerURL = "https://127.0.0.1:1"'));
  const down = await run([agent, 'check']);
  t.equal(down.status, 69);
  t.match(down.stderr, /^https:\/\/127\.0\.0\.1:1: unreachable: /m);
});

t.test('the server is down', async t => {
  await site.server.stop();

  t.test('secure: nobody gets in', async t => {
    await during(site.config, async daemon => {
      const { status, stdout, stderr } = await word('alice');
      t.equal(status, 69);
      t.equal(stdout, '');
      t.match(stderr, /cannot be reached/);
      t.match(await daemon.audited(line => line['event'] === 'decision'), {
        decision: 'deny',
        reason: 'server-unavailable',
        detail: /^unreachable: /,
      });
    });
  });

  t.test('safe: the first factor suffices, loudly', async t => {
    await during(withSections('[policy]\nfailMode = "safe"'), async daemon => {
      const { status, stdout, stderr } = await word('alice');
      t.equal(status, 0);
      t.equal(stdout, 'in\n');
      t.match(stderr, /WARNING.*WITHOUT a second factor/);
      t.match(await daemon.audited(line => line['event'] === 'decision'), { decision: 'bypass', reason: 'fail-safe' });
    });
  });

  t.test("the original's offlineUsers get in, and nobody else", async t => {
    await during(`offlineUsers = "bob"\n${site.config}`, async daemon => {
      t.equal((await word('alice')).status, 69);
      const { status, stderr } = await word('bob');
      t.equal(status, 0);
      t.match(stderr, /WARNING/);
      t.match(await daemon.audited(line => line['account'] === 'bob'), { decision: 'bypass', reason: 'offline-user' });
    });
  });
});
