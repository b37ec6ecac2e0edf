import t from 'tap';
import { standardConfig } from '../../src/config/standard-config.ts';

t.test('while there is no configuration no server is named, nobody is exempt, and nothing fails safe', async t => {
  const { server, policy, identity, daemon, login } = standardConfig();
  t.same(server.urls, []);
  t.equal(server.serviceKey.expose(), '');
  t.match(policy, { failMode: 'secure', graceMs: 0, attempts: 3, codeDigits: 6 });
  for (const names of [
    policy.requiredUsers,
    policy.requiredGroups,
    policy.exemptUsers,
    policy.exemptGroups,
    policy.offlineUsers,
  ])
    t.same(names, []);
  t.equal(identity.people.size, 0);
  t.match(daemon, { stateDirectory: '/var/lib/trasa-agent', auditFile: '', maxLogins: 256, loginTimeoutMs: 110_000 });
  t.match(login, { record: false, motd: false });
});
