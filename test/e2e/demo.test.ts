/** `npm run demo -- --once`, as a newcomer would run it. */
import { join } from 'node:path';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { whyNoPrivateHost } from '../helpers/e2e/private-host.ts';

const reason = whyNoPrivateHost();
t.test('the demo shows a login by code, one by push, and one through the proxy', { skip: reason ?? false }, async t => {
  const demo = join(import.meta.dirname, '../../tools/demo.ts');
  const { status, stdout, stderr } = await run([process.execPath, demo, '--once']);
  t.equal(stderr, '');
  t.equal(status, 0);
  t.match(stdout, /^Secret: [A-Z2-7]{32}$/m);
  t.match(stdout, /hello from -bash[^]*"factor":"totp","decision":"allow"/);
  t.match(stdout, /Approved\.[^]*"factor":"push","decision":"allow"/);
  t.match(
    stdout,
    /web1@proxy[^]*hello from -bash[^]*ID trasa:demo@example.com:web1:[^]*recordings play[^]*hello from -bash[^]*recordings verify[^]*\w+-1\.cast: sealed:/,
  );
});
