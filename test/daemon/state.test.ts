import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FakeVerifier } from '../helpers/fake-ports.ts';
import { ScriptedConversation, SilentConversation } from '../helpers/scripted-conversation.ts';
import { runningDaemon } from './running-daemon.ts';
import { tempDirectory } from './temp-directory.ts';

t.test('a code that was used before a restart is refused after it', async t => {
  const place = tempDirectory(t);
  const before = await runningDaemon(t, { place });
  t.match(await before.ask(new ScriptedConversation('123456')), { decision: { verdict: 'allow' } });
  await before.daemon.stop();

  const after = await runningDaemon(t, { place });
  t.match(await after.ask(new ScriptedConversation('123456', '123456', '123456')), {
    decision: { verdict: 'deny', reason: 'replayed-code' },
  });
  t.same(after.verifier.asked, [], 'the server does not hear of it');
  t.match(await after.ask(new ScriptedConversation('123456', '654321')), { decision: { verdict: 'allow' } });
});

t.test('wrong codes hold an account off across a restart', async t => {
  const place = tempDirectory(t);
  const wrong = new FakeVerifier({ kind: 'invalid' });
  const before = await runningDaemon(t, { place, verifier: wrong });
  await before.ask(new ScriptedConversation('111111', '222222', '333333'));
  await before.ask(new ScriptedConversation('444444', '555555'));
  await before.daemon.stop();

  const after = await runningDaemon(t, { place });
  t.match(await after.ask(new ScriptedConversation()), { decision: { reason: 'throttled', exit: 75 } });
});

t.test('a refused push holds the next one off across a restart', async t => {
  const place = tempDirectory(t);
  const before = await runningDaemon(t, { place, verifier: new FakeVerifier({ kind: 'denied-by-person' }) });
  t.match(await before.ask(new SilentConversation()), { decision: { reason: 'push-refused', pam: 'PAM_MAXTRIES' } });
  await before.daemon.stop();

  const after = await runningDaemon(t, { place });
  t.match(await after.ask(new SilentConversation()), { decision: { reason: 'push-cooling-down' } });
  t.same(after.verifier.asked, []);
});

t.test('state that is damaged or unsafe denies, and the log says which file', async t => {
  const cases: Record<string, (state: string) => void> = {
    damaged: state => writeFileSync(join(state, 'logins.db'), 'garbage '.repeat(1000), { mode: 0o600 }),
    'open to others': state => chmodSync(state, 0o777),
  };
  for (const [title, spoil] of Object.entries(cases)) {
    const place = tempDirectory(t);
    const state = join(place, 'state');
    mkdirSync(state, { mode: 0o700 });
    spoil(state);
    const { ask, log, verifier } = await runningDaemon(t, { place });
    t.ok(
      log.some(line => line.level === 'error' && line.text.includes(state)),
      title,
    );
    t.match(await ask(new ScriptedConversation('123456')), {
      decision: { verdict: 'deny', reason: 'state-unavailable', pam: 'PAM_AUTHINFO_UNAVAIL' },
    });
    t.same(verifier.asked, []);
  }
});
