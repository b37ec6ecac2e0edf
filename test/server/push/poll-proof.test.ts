import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { PollProofs, pollText } from '../../../src/server/push/poll-proof.ts';
import { isSignedBy, signText } from '../../../src/server/push/signature.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = publicKey.export({ type: 'pkcs1', format: 'pem' });
const now = 1_800_000_000_000;

function proof(more: Partial<Parameters<typeof pollText>[0]> = {}) {
  const claim = { device: 'd', timestamp: String(now), nonce: '0123456789abcdef', ...more };
  return { ...claim, signature: signText(pollText(claim), privateKey) };
}

t.test('a proof is accepted once', async t => {
  const proofs = new PollProofs();
  t.ok(proofs.accept(proof(), pem, now));
  t.notOk(proofs.accept(proof(), pem, now), 'the same proof is refused the second time');
  t.ok(proofs.accept(proof({ nonce: 'fedcba9876543210' }), pem, now));
  t.notOk(proofs.accept(proof(), pem, now + 60_000), 'also as long as its time is accepted');
});

t.test('a proof is of now, within a minute', async t => {
  for (const [skew, expected] of [
    [-60_000, true],
    [60_000, true],
    [-60_001, false],
    [60_001, false],
  ] as const)
    t.equal(new PollProofs().accept(proof({ timestamp: String(now + skew) }), pem, now), expected, `${skew} ms`);
});

t.test('a proof that was forgotten is too old by then', async t => {
  const proofs = new PollProofs();
  const early = proof({ timestamp: String(now + 60_000) }); // from a device whose clock is ahead
  t.ok(proofs.accept(early, pem, now));
  for (const later of [60_000, 119_999, 120_000, 120_001]) t.notOk(proofs.accept(early, pem, now + later), `${later}`);
});

t.test('a proof is of this device, and whole', async t => {
  const proofs = new PollProofs();
  t.notOk(proofs.accept({ ...proof(), device: 'other' }, pem, now));
  t.notOk(proofs.accept({ ...proof(), nonce: 'ffffffffffffffff' }, pem, now));
  t.notOk(proofs.accept(proof({ nonce: 'short' }), pem, now));
  t.notOk(proofs.accept(proof({ timestamp: 'now' }), pem, now));
  t.notOk(proofs.accept({ ...proof(), signature: '' }, pem, now));
});

t.test('a signature is canonical base64 of RSA PKCS #1 v1.5 with SHA-512', async t => {
  const signature = signText('text', privateKey);
  t.ok(isSignedBy(pem, 'text', signature));
  t.notOk(isSignedBy(pem, 'other', signature));
  t.notOk(isSignedBy(pem, 'text', `${signature}\n`));
  t.notOk(isSignedBy(pem, 'text', signature.replace(/=+$/, '')));
});
