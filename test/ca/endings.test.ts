import t from 'tap';
import { endings } from '../../src/ca/endings.ts';
import type { Issue } from '../../src/ca/issue-rows.ts';

const day = 86_400;
const now = 1000 * day * 1000;

function issued(serial: bigint, key: string, endsInDays: number, type: Issue['type'] = 'host'): Issue {
  const validBefore = BigInt((1000 + endsInDays) * day);
  const validAfter = validBefore - BigInt(30 * day);
  const names = { keyId: `host-${key}`, principals: ['x'], key, ca: 'SHA256:ca' };
  return { serial, type, ...names, validAfter, validBefore, issuedAt: 0 };
}

t.test('what ends first comes first; of each host key its last certificate counts', t => {
  const list = endings(
    [],
    [issued(1n, 'a', 2), issued(2n, 'b', 5), issued(3n, 'a', 28), issued(4n, 'c', -1), issued(5n, 'd', -31)],
    now,
  );
  t.same(list, [
    { what: 'host-certificate', name: 'host-c', serial: 4n, standing: 'ended', daysLeft: -1 },
    { what: 'host-certificate', name: 'host-b', serial: 2n, standing: 'late', daysLeft: 5 },
    { what: 'host-certificate', name: 'host-a', serial: 3n, standing: 'fine', daysLeft: 28 },
  ]);
  t.end();
});

t.test('certificates of people end by themselves, and are nobody’s worry', t => {
  t.same(endings([], [issued(1n, 'a', 1, 'user')], now), []);
  t.end();
});

t.test('a CA that signs has no end; a retired one until its last certificate ends', t => {
  const cas = [
    { type: 'host', fingerprint: 'SHA256:new', trustedUntil: undefined },
    { type: 'host', fingerprint: 'SHA256:old', trustedUntil: BigInt(1012 * day) },
    { type: 'user', fingerprint: 'SHA256:older', trustedUntil: BigInt(999 * day) },
  ] as const;
  t.same(endings(cas, [], now), [
    { what: 'retired-ca', name: 'user CA SHA256:older', daysLeft: -1, standing: 'ended' },
    { what: 'retired-ca', name: 'host CA SHA256:old', daysLeft: 12, standing: 'fine' },
    { what: 'ca', name: 'host CA SHA256:new', daysLeft: Number.POSITIVE_INFINITY, standing: 'fine' },
  ]);
  t.end();
});
