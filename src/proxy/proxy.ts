/** Puts the proxy together from its configuration, and opens its door. */
import { mkdirSync } from 'node:fs';
import type { Rules } from '../auth/ports.ts';
import type { AgentConfig } from '../config/config.ts';
import type { Krl } from '../ssh/krl.ts';
import { openOffers } from './catalogue/open-offers.ts';
import { fromServerVault } from './catalogue/server-vault.ts';
import { openCertifier } from './certifier.ts';
import type { ClientParts } from './door/client.ts';
import { type Door, openDoor } from './door/door.ts';
import { openHostKeys } from './door/host-key-files.ts';
import { Session } from './door/session.ts';
import { grantsOn } from './downstream/entry.ts';
import { PasswordGuesses } from './downstream/password-guesses.ts';
import { engineReady } from './engine/transport.ts';
import { jumpPoint } from './jump/point.ts';
import { proxyLog } from './log.ts';
import { Recording } from './relay/recording.ts';
import { SessionLog } from './relay/session-log.ts';
import type { OpenKeyStore, ProxyParts } from './service.ts';
import { openVault } from './upstream/vault.ts';

export interface Proxy {
  readonly port: number;
  stop(): Promise<void>;
}

/** Sessions may end by themselves for this long after SIGTERM. */
const usualDrainMs = 10_000;

/** A string says why it cannot start. */
export async function startProxy(config: AgentConfig, parts: ProxyParts): Promise<Proxy | string> {
  const { proxy } = config;
  const { clock, random } = parts;
  const log = proxyLog(parts.log);
  await engineReady;
  mkdirSync(proxy.stateDirectory, { mode: 0o700, recursive: true });
  const hostKeys = openHostKeys(proxy.stateDirectory, clock.now());
  if (typeof hostKeys === 'string') return hostKeys;
  for (const warning of hostKeys.warnings) log.warn(warning);
  const files = openVault(proxy.services.values());
  if (typeof files === 'string') return files;
  const keyStore = openKeyStore(parts, proxy.stateDirectory);
  if (typeof keyStore === 'string') return keyStore;
  const certifier = await openCertifier(proxy, () => clock.now());
  if (typeof certifier === 'string') return certifier;
  const memory = parts.openMemory(proxy.stateDirectory);
  memory.check();
  const approvals = parts.openApprovals(proxy.stateDirectory);
  const audit = parts.openAudit(proxy.auditFile);
  const servers = parts.openServers(config);
  const offers = await openOffers(config, servers, clock, log);
  const revoked = (): readonly Krl[] => [...certifier.revoked(), ...offers.now().revoked];
  const close = (): void => {
    offers.stop();
    servers.close();
    audit.close();
    memory.close();
    approvals.close();
    keyStore.close();
    certifier.close();
  };

  let sessions = 0;
  const clientParts: ClientParts = {
    hostKeys: () => hostKeys.at(clock.now()),
    ident: parts.ident,
    loginTimeoutMs: proxy.loginTimeoutMs,
    login: {
      authenticate: parts.authenticate,
      checkPassword: async (...asked) => await servers.checkPassword(...asked),
      guesses: new PasswordGuesses(memory, config.throttle, clock),
      verifierFor: service => servers.verifierFor(service),
      get services() {
        return offers.now().services;
      },
      get entry() {
        return offers.now().entry;
      },
      get nameOf() {
        return offers.now().nameOf;
      },
      approvals,
      clock,
      jump: jumpPoint(config.server),
      rules: rulesOf(config),
      memory,
      audit,
      random,
    },
    upstream: {
      dial: parts.dial,
      issue: async (...asked) => await certifier.issue(...asked),
      sourceAddress: proxy.sourceAddress,
      stored: async (passage, clientAddress, signal) =>
        passage.service.listed === undefined
          ? files.entryFor(passage.service, passage.account)
          : await fromServerVault(passage, clientAddress, async (...asked) => await servers.vault(...asked), signal),
      hostKeys: keyStore,
      info: (text, facts) => log.info(text, facts),
      warn: (text, facts) => log.warn(text, facts),
      revoked,
      now: () => clock.now(),
    },
    jump: (person, clientAddress) => ({
      rules: () => {
        const { services, entry } = offers.now();
        return { services, grantsFor: service => grantsOn({ entry, clock }, person, service, clientAddress) };
      },
      dial: parts.dial,
      broken: error => log.bug(error),
    }),
    keyRules: clientAddress => ({
      keys: offers.now().keys,
      personCAs: [certifier.userCA, ...offers.now().systemCAs],
      revoked: revoked(),
      now: clock.now(),
      clientAddress,
    }),
    log,
    openSession: ({ passage }, clientAddress) => {
      if (sessions >= proxy.maxSessions) return undefined;
      const title = `${passage.person} to ${passage.account}@${passage.service.name} from ${clientAddress} [${passage.id}]`;
      const facts = { directory: proxy.recordDirectory, id: passage.id, title, now: () => clock.now() };
      const recording = passage.grant.record ? new Recording(facts) : undefined;
      const session = new Session(new SessionLog(passage, clientAddress, audit, clock), recording, {
        over: () => sessions--,
        report: error => log.bug(error),
      });
      sessions++;
      return session;
    },
  };

  let door: Door;
  try {
    door = await openDoor({ ...proxy }, clientParts, clock);
  } catch (error) {
    close();
    return `cannot listen: ${error instanceof Error ? error.message : String(error)}`;
  }
  const { host = 'every address' } = proxy.listen;
  log.info('ready', { host, port: door.port, services: offers.now().services.size });
  return {
    port: door.port,
    async stop() {
      log.info('stopping', { sessions });
      await door.stop(parts.drainMs ?? usualDrainMs);
      close();
      log.info('stopped');
    },
  };
}

function openKeyStore({ openHostKeyStore }: ProxyParts, directory: string): OpenKeyStore | string {
  try {
    return openHostKeyStore(directory);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * The rules about this host's own accounts do not count for those of others: at the proxy everybody needs a second factor,
 * and nobody comes in because the server is away.
 */
function rulesOf({ policy, identity, throttle }: AgentConfig): Rules {
  const everybody = {
    requiredUsers: [],
    requiredGroups: [],
    exemptUsers: [],
    exemptGroups: [],
    observe: false,
    failMode: 'secure',
    failSafeOn: [],
    offlineUsers: [],
  } as const;
  return { policy: { ...policy, ...everybody }, identity, throttle };
}
