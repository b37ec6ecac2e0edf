import type { ProxyService } from '../../src/config/config.ts';
import { usualCredentials } from '../../src/config/upstream-options.ts';
import { Secret } from '../../src/otp/secret.ts';

/** A service behind the proxy as the configuration has it that says no more than it must; a test changes what it is about. */
export const proxyService: ProxyService = {
  name: 'web1',
  host: '10.0.0.5',
  port: 22,
  serviceID: 'of-web1',
  serviceKey: new Secret('key'),
  accounts: ['alice'],
  hostCAs: [],
  hostKeys: [],
  record: false,
  firstUse: 'refuse',
  credentials: usualCredentials,
  keyFile: '',
  passphraseFile: '',
  passwordFile: '',
  via: undefined,
  sourceAddress: '',
};
