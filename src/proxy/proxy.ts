/** Puts the proxy together from its configuration, and opens its door. */
import { mkdirSync } from 'node:fs';
import type { Rules } from '../auth/ports.ts';
import type { AgentConfig } from '../config/config.ts';
import { openCertifier } from './certifier.ts';
import type { ClientParts } from './door/client.ts';
import { type Door, openDoor } from './door/door.ts';
import { openHostKeys } from './door/host-key-files.ts';
import { Session } from './door/session.ts';
import { PasswordGuesses } from './downstream/password-guesses.ts';
import { nativeCiphers } from './engine/native-ciphers.ts';
import { engineReady } from './engine/transport.ts';
import { proxyLog } from './log.ts';
import { Recording } from './relay/recording.ts';
import { SessionLog } from './relay/session-log.ts';
import type { ProxyParts } from './service.ts';

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
  const ciphers = nativeCiphers();
  if (typeof ciphers === 'string') log.warn(`ciphers are slower than they could be: ${ciphers}`);
  mkdirSync(proxy.stateDirectory, { mode: 0o700, recursive: true });
  const hostKeys = openHostKeys(proxy.stateDirectory);
  if (typeof hostKeys === 'string') return hostKeys;
  const certifier = await openCertifier(proxy, () => clock.now());
  if (typeof certifier === 'string') return certifier;
  const memory = parts.openMemory(proxy.stateDirectory);
  memory.check();
  const audit = parts.openAudit(proxy.auditFile);
  const servers = parts.openServers(config);
  const close = (): void => {
    servers.close();
    audit.close();
    memory.close();
    certifier.close();
  };

  let sessions = 0;
  const clientParts: ClientParts = {
    hostKeys,
    ident: parts.ident,
    loginTimeoutMs: proxy.loginTimeoutMs,
    login: {
      authenticate: parts.authenticate,
      checkPassword: async (...asked) => await servers.checkPassword(...asked),
      guesses: new PasswordGuesses(memory, config.throttle, clock),
      verifierFor: service => servers.verifierFor(service),
      services: proxy.services,
      rules: rulesOf(config),
      memory,
      audit,
      clock,
      random,
    },
    upstream: {
      dial: parts.dial,
      issue: async (passage, address) => await certifier.issue(passage, address),
      revoked: () => certifier.revoked(),
      now: () => clock.now(),
    },
    keyRules: clientAddress => ({
      keys: proxy.keys,
      userCA: certifier.userCA,
      revoked: certifier.revoked(),
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
  log.info('ready', { host, port: door.port, services: proxy.services.size });
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
