import t from 'tap';
import type { AgentConfig, LoadedConfig } from '../../src/config/config.ts';
import { FakeVerifier } from '../helpers/fake-ports.ts';
import { ScriptedConversation } from '../helpers/scripted-conversation.ts';
import { attempt, runningDaemon } from './running-daemon.ts';

const brokenConfig: LoadedConfig = {
  kind: 'broken',
  problems: [
    {
      file: '/etc/trasa/trasa-agent.toml',
      line: 3,
      text: 'unknown option serviceKye',
      hint: 'did you mean serviceKey?',
    },
    { file: '/etc/trasa/trasa-agent.toml', text: 'serviceID is missing' },
  ],
};

t.test('a broken configuration denies everybody, and every problem is logged', async t => {
  const { ask, events, log } = await runningDaemon(t, { loadConfig: () => brokenConfig });
  for (const account of ['alice', 'root'])
    t.match(await ask(new ScriptedConversation(), { account }), {
      decision: { verdict: 'deny', reason: 'config-invalid', exit: 78, pam: 'PAM_SERVICE_ERR' },
    });
  t.match(events, [{ reason: 'config-invalid' }, { reason: 'config-invalid' }]);
  const errors = log.filter(line => line.level === 'error').map(line => line.text);
  t.match(errors, [
    '/etc/trasa/trasa-agent.toml:3: unknown option serviceKye (hint: did you mean serviceKey?)',
    '/etc/trasa/trasa-agent.toml: serviceID is missing',
    /every login is denied/,
  ]);
});

t.test('a configuration that was mended is taken up', async t => {
  let isBroken = true;
  const { ask, daemon } = await runningDaemon(t, { loadConfig: config => (isBroken ? brokenConfig : loaded(config)) });
  t.match(await ask(new ScriptedConversation()), { decision: { reason: 'config-invalid' } });
  isBroken = false;
  daemon.reload();
  t.match(await ask(new ScriptedConversation('123456')), { decision: { verdict: 'allow' } });
});

t.test('a broken new configuration keeps the old one', async t => {
  let isBroken = false;
  const { ask, daemon, log } = await runningDaemon(t, {
    loadConfig: config => (isBroken ? brokenConfig : loaded(config)),
  });
  isBroken = true;
  daemon.reload();
  t.ok(log.some(line => line.text.includes('serviceKye')));
  t.ok(log.some(line => line.text.includes('the old one stays')));
  t.match(await ask(new ScriptedConversation('123456')), { decision: { verdict: 'allow' } });
});

t.test('a login in progress keeps its rules, the next one has the new', async t => {
  let attempts = 3;
  const { ask, raw, daemon } = await runningDaemon(t, {
    verifier: new FakeVerifier({ kind: 'invalid' }),
    loadConfig: config => loaded({ ...config, policy: { ...config.policy, attempts } }),
  });
  const early = raw();
  early.say(attempt);
  t.match(await early.next(), { kind: 'prompt' });
  attempts = 1;
  daemon.reload();
  early.say({ kind: 'answer', id: 1, text: '111111' });
  t.match(await early.next(), { kind: 'error' });
  t.match(await early.next(), { kind: 'prompt' }, 'three tries');
  t.match(await ask(new ScriptedConversation('222222')), { decision: { reason: 'wrong-code' } }, 'one try');
});

t.test('what only a restart can change is said', async t => {
  let elsewhere = '';
  const { daemon, log } = await runningDaemon(t, {
    loadConfig: config =>
      loaded({
        ...config,
        daemon: {
          ...config.daemon,
          socket: config.daemon.socket + elsewhere,
          stateDirectory: config.daemon.stateDirectory + elsewhere,
        },
      }),
  });
  elsewhere = '2';
  daemon.reload();
  const warnings = log.filter(line => line.level === 'warning').map(line => line.text);
  t.match(warnings, [/socket/, /state directory/]);
});

t.test('warnings are logged', async t => {
  const { log } = await runningDaemon(t, {
    loadConfig: config => ({
      kind: 'loaded',
      config,
      warnings: [{ file: 'f', text: 'insecureSkipVerify is on' }],
    }),
  });
  t.match(
    log.find(line => line.level === 'warning'),
    { text: 'f: insecureSkipVerify is on' },
  );
});

function loaded(config: AgentConfig): LoadedConfig {
  return { kind: 'loaded', config, warnings: [] };
}
