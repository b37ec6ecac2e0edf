/** Facts of a host on which all is well, to be spoilt one at a time. */

import { assemble } from '../../src/config/assemble.ts';
import type { AgentConfig, LoadedConfig } from '../../src/config/config.ts';
import { readOptions } from '../../src/config/read-options.ts';
import type { AccountFacts, Facts, Probe } from '../../src/doctor/facts.ts';
import { Secret } from '../../src/otp/secret.ts';
import { type PamService, parseService } from '../../src/system/pam-stack.ts';
import { parseSettings } from '../../src/system/sshd-settings.ts';
import { distributions } from '../system/distributions.ts';

export const alice: AccountFacts = {
  name: 'alice',
  user: { uid: 1000, shell: '/bin/bash' },
  groups: ['alice', 'staff'],
};
export const root: AccountFacts = { name: 'root', user: { uid: 0, shell: '/bin/bash' }, groups: ['root'] };

/** `sshd -T` of OpenSSH 9.2, as far as it matters, with what is to be different. */
export function settings(changes: Readonly<Record<string, string | readonly string[]>> = {}): string {
  const usual: Record<string, string | readonly string[]> = {
    usepam: 'yes',
    logingracetime: '120',
    permitrootlogin: 'yes',
    pubkeyauthentication: 'yes',
    passwordauthentication: 'no',
    kbdinteractiveauthentication: 'yes',
    hostbasedauthentication: 'no',
    gssapiauthentication: 'no',
    authenticationmethods: 'publickey,keyboard-interactive:pam',
    forcecommand: 'none',
    disableforwarding: 'no',
    allowtcpforwarding: 'yes',
    allowstreamlocalforwarding: 'yes',
    allowagentforwarding: 'yes',
    x11forwarding: 'no',
    permittunnel: 'no',
    permitopen: 'any',
    permitlisten: 'any',
    permituserenvironment: 'no',
    permituserrc: 'yes',
    exposeauthinfo: 'no',
    unusedconnectiontimeout: 'none',
    maxstartups: '10:30:100',
    acceptenv: ['LANG', 'LC_*'],
    subsystem: 'sftp /usr/lib/openssh/sftp-server',
    ...changes,
  };
  return Object.entries(usual)
    .flatMap(([name, value]) => [value].flat().map(one => `${name} ${one}`))
    .join('\n');
}

/** Changes that make the forced command the only door, and close what has to be closed. */
export const forced = {
  usepam: 'no',
  authenticationmethods: 'any',
  kbdinteractiveauthentication: 'no',
  forcecommand: 'exec /usr/bin/trasa-agent login',
  disableforwarding: 'yes',
  allowagentforwarding: 'no',
  permituserrc: 'no',
  exposeauthinfo: 'yes',
  unusedconnectiontimeout: '120',
  setenv: 'SHLVL=2',
} as const;

export function probe(account: AccountFacts, changes: Parameters<typeof settings>[0] = {}, origin = ''): Probe {
  return {
    account,
    connection: { user: account.name, host: 'x', address: '192.0.2.2', localAddress: '192.0.2.1', localPort: 22 },
    origin,
    settings: { kind: 'answered', answer: parseSettings(settings(changes)) },
  };
}

export function sshdOf(...probes: readonly Probe[]): Facts['sshd'] {
  return { kind: 'present', version: { major: 9, minor: 2, text: 'OpenSSH_9.2p1' }, probes, placesOf: () => [] };
}

/** Of Debian, but for `others`. */
export function service(name: string, text: string, others: Readonly<Record<string, string>> = {}): PamService {
  const files: Readonly<Record<string, string>> = { ...distributions.debian, ...others, [name]: text };
  return parseService(name, file => {
    const found = files[file];
    return found === undefined ? undefined : { file: `/etc/pam.d/${file}`, text: found };
  });
}

export const guardedSshd = service(
  'sshd',
  'auth required pam_trasa.so\naccount required pam_trasa.so\n@include common-account\n',
);

const table = { trasaServerURL: 'https://trasa.example.com', serviceID: 'web1', identity: { domain: 'example.com' } };
const { values } = readOptions('', table, () => undefined);
const config = assemble('/etc/trasa/trasa-agent.toml', values, new Secret('never-shown'), undefined, new Map());

export function loaded(changes: Partial<AgentConfig> = {}): LoadedConfig & { readonly kind: 'loaded' } {
  return { kind: 'loaded', config: { ...config, ...changes }, warnings: [] };
}

export function withPolicy(changes: Partial<AgentConfig['policy']>): LoadedConfig {
  return loaded({ policy: { ...config.policy, ...changes } });
}

export const goodHost: Facts = {
  nowMs: 1_800_000_000_000,
  config: loaded(),
  accounts: [alice, root],
  sshd: sshdOf(probe(alice), probe(root)),
  services: [guardedSshd],
  files: [{ path: '/etc/ssh/sshd_config', problem: undefined }],
  missing: [],
  hostCertificates: [],
  offline: [],
  sftpServer: '/usr/lib/openssh/sftp-server',
  daemon: { socket: '/run/trasa-agent/agent.sock', silence: undefined, outdated: [] },
  servers: [
    {
      server: 'https://trasa.example.com',
      answer: { kind: 'accepts' },
      shown: { aheadMs: 0, certificateEndsMs: 1_800_000_000_000 + 60 * 86_400_000, isPinned: false },
    },
  ],
  state: [{ path: '/var/lib/trasa-agent', trouble: undefined, freeBytes: 1e9, freeFiles: 1e6 }],
  denials: [],
  version: '0.1.0',
  packages: [{ name: 'trasa-agent', version: '0.1.0-1' }],
  unseen: [],
};
