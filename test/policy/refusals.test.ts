import t from 'tap';
import { deny } from '../../src/policy/decision.ts';
import { refusals, sentenceFor } from '../../src/policy/refusals.ts';

t.test('every denial says something, fails the program, and fails PAM', async t => {
  for (const [reason, { says, exit, pam }] of Object.entries(refusals)) {
    t.match(says, /^[A-Z].{10,110}\.$/, reason);
    t.ok(exit > 0 && exit < 256, reason);
    t.notMatch(pam, /^PAM_(SUCCESS|IGNORE)$/, reason);
  }
});

t.test('a denial may carry a better sentence of its own', async t => {
  t.equal(sentenceFor(deny('throttled')), refusals.throttled.says);
  t.equal(sentenceFor(deny('throttled', 'log', 'Try again in 5 seconds.')), 'Try again in 5 seconds.');
});
