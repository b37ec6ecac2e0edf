/** What was prepared on the host, as the daemon offers it: without a configuration, without its state, and loudly. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { LoadedConfig } from '../../src/config/config.ts';
import type { Emergency } from '../../src/daemon/service.ts';
import type { Outcome } from '../../src/policy/decision.ts';
import { FakeMemory, FakeVerifier } from '../helpers/fake-ports.ts';
import { ScriptedConversation, SilentConversation } from '../helpers/scripted-conversation.ts';
import { runningDaemon } from './running-daemon.ts';
import { tempDirectory } from './temp-directory.ts';

const brokenConfig: LoadedConfig = { kind: 'broken', problems: [{ file: 'f', text: 'no key' }] };
const recoveryCode = 'rc-00000-00000-00000';
const entry: Outcome = { kind: 'valid-offline', factor: 'recovery-code', detail: 'why', says: 'WARNING: you are in.' };

/** An emergency in which recovery codes open; and why there was one, each time. */
function prepared() {
  const causes: string[] = [];
  const memory = new FakeMemory();
  const emergency: Emergency = ({ cause, detail }) => {
    causes.push(cause);
    const down: Outcome = { kind: 'unavailable', cause, detail };
    return { memory, verifier: new FakeVerifier(({ factor }) => (factor === 'recovery-code' ? entry : down)) };
  };
  return { causes, emergency };
}

t.test('without a configuration an offline factor opens, whoever the person is, and nothing else does', async t => {
  const { emergency, causes } = prepared();
  const { ask, events } = await runningDaemon(t, { loadConfig: () => brokenConfig, emergency });
  t.match(await ask(new ScriptedConversation('123456')), {
    decision: { verdict: 'deny', reason: 'config-invalid', pam: 'PAM_SERVICE_ERR' },
  });
  t.match(await ask(new SilentConversation()), { decision: { verdict: 'deny', reason: 'config-invalid' } });
  t.match(await ask(new ScriptedConversation(recoveryCode)), {
    decision: { verdict: 'allow', reason: 'recovery-code', text: /^WARNING: you are in\. \[/, record: false },
  });
  t.same(new Set(causes), new Set(['configuration']));
  t.match(events.at(-1), { person: 'alice@localhost', factor: 'recovery-code', detail: 'why' });
});

t.test('without a configuration and with nothing prepared nobody is even asked', async t => {
  const { ask } = await runningDaemon(t, { loadConfig: () => brokenConfig, emergency: () => undefined });
  t.match(await ask(new ScriptedConversation()), { decision: { reason: 'config-invalid' } });
});

t.test('without its state the daemon lets in by an offline factor, and by nothing else', async t => {
  const place = tempDirectory(t);
  mkdirSync(join(place, 'state'), { mode: 0o700 });
  writeFileSync(join(place, 'state', 'logins.db'), 'garbage '.repeat(1000), { mode: 0o600 });
  const { emergency, causes } = prepared();
  const { ask, verifier, log } = await runningDaemon(t, { place, emergency });
  t.match(await ask(new ScriptedConversation(recoveryCode)), { decision: { verdict: 'allow' } });
  t.match(await ask(new ScriptedConversation('123456')), { decision: { reason: 'state-unavailable' } });
  t.same(verifier.asked, [], 'the server is not asked');
  t.same(causes, ['state', 'state']);
  t.ok(log.some(line => line.level === 'error' && /but by what was prepared/.test(line.text)));
});

t.test('such a login is a warning in the log, beside its audit line', async t => {
  const { ask, log } = await runningDaemon(t, { verifier: new FakeVerifier(entry) });
  await ask(new ScriptedConversation(recoveryCode));
  t.match(
    log.filter(line => line.level === 'warning'),
    [{ text: /^BREAK-GLASS: /, account: 'alice', factor: 'recovery-code', why: 'why', attempt: /^\w{26}$/ }],
  );
});

t.test('it is recorded where that is possible; if not, it goes on unrecorded, with a warning', async t => {
  const full = async () => ({ bsize: 4096, blocks: 1024 ** 3, bavail: 0 });
  for (const [statfs, record] of [
    [undefined, true],
    [full, false],
  ] as const) {
    const { ask, log } = await runningDaemon(t, {
      verifier: new FakeVerifier(({ factor }) => (factor === 'recovery-code' ? entry : { kind: 'valid' })),
      config: config => ({ ...config, login: { ...config.login, record: true } }),
      ...(statfs !== undefined && { statfs }),
    });
    t.match(await ask(new ScriptedConversation(recoveryCode)), { decision: { verdict: 'allow', record } });
    t.equal(
      log.some(line => /not recorded/.test(line.text)),
      !record,
    );
    t.match(await ask(new ScriptedConversation('123456')), { decision: { record: true } }, 'others are as ever');
  }
});
