import t from 'tap';
import type { ServerProof, ServerVerifier } from '../../src/auth/verifier.ts';
import { Secret } from '../../src/otp/secret.ts';
import { serverOnly } from '../../src/verifiers/server-only.ts';
import { anAttempt } from '../helpers/fake-ports.ts';

t.test('codes and pushes go to the server, recovery codes nowhere', async t => {
  const asked: ServerProof[] = [];
  const server: ServerVerifier = {
    name: 'a server',
    canMatchNumbers: () => true,
    verify: async (_attempt, _person, proof) => {
      asked.push(proof);
      return await Promise.resolve({ outcome: { kind: 'valid' }, server: 'a server' });
    },
    whyUnavailable: async () => await Promise.resolve(undefined),
  };
  const verifier = serverOnly(server);
  const { signal } = new AbortController();
  const attempt = anAttempt();
  const code = new Secret('AAAA-BBBB');
  t.match(await verifier.verify(attempt, 'alice', { factor: 'recovery-code', code }, signal), {
    outcome: { kind: 'invalid' },
  });
  t.strictSame(asked, []);
  t.match(await verifier.verify(attempt, 'alice', { factor: 'push' }, signal), { outcome: { kind: 'valid' } });
  t.strictSame(asked, [{ factor: 'push' }]);
  t.ok(verifier.canMatchNumbers());
});
