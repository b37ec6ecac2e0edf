import t from 'tap';
import { deny } from '../../src/policy/decision.ts';
import { exitStatus, refusals, sentenceFor } from '../../src/policy/refusals.ts';

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

t.test('exit statuses are the numbers of sysexits.h, and 1 and 130 as every shell has them', async t => {
  t.same(exitStatus, {
    failed: 1,
    usage: 64,
    unavailable: 69,
    software: 70,
    tryLater: 75,
    noPermission: 77,
    config: 78,
    interrupted: 130,
  });
});

t.test('a denial has no detail and no sentence but those that were given', async t => {
  t.strictSame(deny('throttled'), { kind: 'deny', reason: 'throttled' });
  t.strictSame(deny('throttled', 'log'), { kind: 'deny', reason: 'throttled', detail: 'log' });
});
