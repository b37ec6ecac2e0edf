import type { Secret } from '../otp/secret.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import type { AgentConfig, ProxyService } from './config.ts';
import type { Values } from './options.ts';

/** Keys of CAs, from the files that options name. */
export interface CaKeys {
  readonly proxyCAs?: readonly PublicKey[];
  readonly systemCAs?: readonly PublicKey[];
}

/** The options' values under the names that the rest of the program uses. */
export function assemble(
  source: string,
  values: Values,
  serviceKey: Secret,
  ca: string | undefined,
  services: ReadonlyMap<string, ProxyService>,
  { proxyCAs = [], systemCAs = [] }: CaKeys = {},
): AgentConfig {
  const { top, policy, identity, throttle, daemon, login, proxy } = values;
  return {
    source,
    server: {
      urls: top.trasaServerURL,
      serviceID: top.serviceID,
      serviceKey,
      ca,
      pins: top.pins,
      insecureSkipVerify: top.insecureSkipVerify,
      httpProxy: top.httpProxy,
      connectTimeoutMs: top.connectTimeout,
      tlsTimeoutMs: top.tlsTimeout,
      responseTimeoutMs: top.responseTimeout,
      pushTimeoutMs: top.pushTimeout,
    },
    policy: {
      requiredUsers: policy.requiredUsers,
      requiredGroups: policy.requiredGroups,
      exemptUsers: policy.exemptUsers,
      exemptGroups: policy.exemptGroups,
      attempts: policy.attempts,
      autopush: policy.autopush,
      codeDigits: policy.codeDigits,
      replayMemoryMs: policy.replayMemory,
      pushCooldownMs: policy.pushCooldown,
      graceMs: policy.grace,
      observe: policy.observe === 'let-everybody-in',
      failMode: policy.failMode,
      failSafeOn: policy.failSafeOn,
      offlineUsers: top.offlineUsers,
    },
    identity: { people: identity.people, keys: identity.keys, domain: identity.domain },
    throttle: {
      accountFreeTries: throttle.accountFreeTries,
      addressFreeTries: throttle.addressFreeTries,
      firstHoldMs: throttle.firstHold,
      maxHoldMs: throttle.maxHold,
    },
    daemon: {
      socket: daemon.socket,
      stateDirectory: daemon.stateDirectory,
      auditFile: daemon.auditFile,
      maxLogins: daemon.maxLogins,
      loginTimeoutMs: daemon.loginTimeout,
      proxyTrust: { caKeys: proxyCAs, revokedKeys: policy.revokedKeys },
    },
    login: {
      motd: login.motd,
      record: login.record,
      recordDirectory: login.recordDirectory,
      sftpServer: login.sftpServer,
    },
    proxy: {
      listen: proxy.sshListenAddr,
      stateDirectory: proxy.stateDirectory,
      auditFile: proxy.auditFile,
      caDirectory: proxy.caDirectory,
      caPassphraseFile: proxy.caPassphraseFile,
      caAgent: proxy.caAgent,
      recordDirectory: proxy.recordDirectory,
      recordingDays: proxy.recordingDays,
      certificateSeconds: proxy.certificateLifetime / 1000,
      sourceAddress: proxy.sourceAddress,
      loginTimeoutMs: proxy.loginTimeout,
      maxStartups: proxy.maxStartups,
      maxStartupsPerAddress: proxy.maxStartupsPerAddress,
      penaltyExempt: proxy.penaltyExempt,
      workers: proxy.workers,
      proxyProtocolFrom: proxy.proxyProtocolFrom,
      maxSessions: proxy.maxSessions,
      drainMs: proxy.drainTime,
      metrics: proxy.metricsAddr,
      keys: proxy.keys,
      services,
      entry: { groups: proxy.groups, rules: proxy.policies },
      catalogue: proxy.catalogue,
      catalogueMaxAgeMs: proxy.catalogueMaxAge,
      systemCAs,
    },
    debug: top.debug,
  };
}
