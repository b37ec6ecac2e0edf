/** One connection, one host: what it showed first is what it has to show whenever keys are exchanged again. */
import t from 'tap';
import { HostProof, type HostProofPorts } from '../../src/proxy/upstream/host-proof.ts';
import { encodePublicKey } from '../../src/ssh/public-key.ts';
import { proxyService } from '../helpers/proxy-service.ts';
import { newPair } from '../ssh/authority.ts';

const [first, second, stranger] = [newPair().key, newPair().key, newPair().key];
const service = { ...proxyService, hostKeys: [first, second], firstUse: 'refuse' } as const;

t.test('another key in the midst of a connection is refused, though it is the host’s as well', async t => {
  const proof = new HostProof(service, ports());
  t.ok(proof.isAcceptable(encodePublicKey(first)));
  t.notOk(proof.isAcceptable(encodePublicKey(second)));
  t.ok(proof.isAcceptable(encodePublicKey(first)));
});

t.test('who was refused once is not believed afterwards', async t => {
  const warned: string[] = [];
  const proof = new HostProof(service, ports(warned));
  t.notOk(proof.isAcceptable(encodePublicKey(stranger)));
  t.match(proof.refusal?.why, /not the pinned one/);
  t.notOk(proof.isAcceptable(encodePublicKey(first)));
  t.notOk(proof.isAcceptable(encodePublicKey(stranger)));
  t.equal(warned.length, 1);
});

function ports(warned: string[] = []): HostProofPorts {
  return {
    hostKeys: { keysOf: () => [], pinFirst: () => false, hold: () => false },
    revoked: () => [],
    now: () => 0,
    warn: text => void warned.push(text),
  };
}
