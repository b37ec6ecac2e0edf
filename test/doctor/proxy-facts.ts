/** Facts of an access proxy at which all is well, to be spoilt one at a time. */
import type { ExaminedProxy, ProxyFacts } from '../../src/doctor/proxy-facts.ts';
import type { ProxySight, ServiceSight } from '../../src/system/proxy-standing.ts';

export const nowMs = 1_800_000_000_000;
const dayMs = 86_400_000;
const roomy = { trouble: undefined, freeBytes: 1e12, freeFiles: 1e6 };
export const service: ServiceSight = {
  name: 'web1',
  address: '10.0.0.5:22',
  firstUse: 'refuse',
  isKnown: true,
  accountsWithout: [],
};
export const running = {
  kind: 'answers',
  since: nowMs,
  port: 8022,
  release: '1.0',
  workers: 2,
  silent: 0,
  sessions: 3,
} as const;
export const goodSight: ProxySight = {
  listen: ':8022',
  troubles: [],
  isServerVerified: true,
  state: { path: '/var/lib/trasa-proxy', ...roomy },
  recordings: {
    directory: { path: '/var/lib/trasa-proxy/recordings', ...roomy },
    spareBytes: 1e12,
    areWanted: true,
    journalFault: null,
  },
  hostCertificates: [
    { path: '/k-cert.pub', valid: { after: nowMs / 1000 - 3600, before: nowMs / 1000 + 3600 }, trouble: null },
  ],
  userCA: { trouble: null, keeper: 'passphrase', since: nowMs - 10 * dayMs, isOld: false, lines: ['user CA x signs'] },
  catalogue: { confirmedAt: nowMs, isTooOld: false, trouble: null },
  running,
  services: [service],
  hostKeys: [],
  approvals: [],
  heldOff: 0,
  unread: [],
  greeting: { address: '127.0.0.1:8022', line: 'SSH-2.0-trasa_1.0', trouble: null },
};
export const examined: ExaminedProxy = {
  source: '/etc/trasa/trasa-proxy.toml',
  problems: [],
  warnings: [],
  unseen: null,
  sight: goodSight,
  servers: [{ services: [], sight: { server: 'https://x', answer: { kind: 'accepts' }, shown: undefined } }],
};
export const unit = {
  name: 'trasa-proxy.service',
  active: 'active',
  sub: 'running',
  result: 'success',
  file: 'enabled',
};
export const goodProxy: ProxyFacts = { nowMs, examined, unit, outdated: [], version: '1.0' };
