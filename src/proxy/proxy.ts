/** Puts together from its configuration what a worker needs for the connections that it is handed. */
import { mkdirSync } from 'node:fs';
import type { Rules } from '../auth/ports.ts';
import type { AgentConfig } from '../config/config.ts';
import type { PushMarks } from '../store/live-pushes.ts';
import { openCertifier } from './certifier.ts';
import type { ClientParts } from './door/client.ts';
import { openHostKeys } from './door/host-key-files.ts';
import { Session, type SessionFacts } from './door/session.ts';
import { Turns } from './door/turns.ts';
import type { Passage } from './downstream/login.ts';
import { PasswordGuesses } from './downstream/password-guesses.ts';
import { engineReady } from './engine/transport.ts';
import { proxyLog } from './log.ts';
import { Counters } from './metrics/counters.ts';
import { countingAudit } from './metrics/counting-audit.ts';
import { Recording } from './relay/recording.ts';
import { SessionLog } from './relay/session-log.ts';
import type { ProxyParts } from './service.ts';

export interface Proxy {
  readonly clients: ClientParts;
  /** Of what is done. */
  readonly counters: Counters;
  /** When the last of them is gone. */
  close(): void;
}

/** A string says why it cannot be. @param livePushes of all workers */
export async function openProxy(
  config: AgentConfig,
  parts: ProxyParts,
  livePushes: PushMarks,
): Promise<Proxy | string> {
  const { proxy } = config;
  const { clock, random } = parts;
  const log = proxyLog(parts.log);
  await engineReady;
  mkdirSync(proxy.stateDirectory, { mode: 0o700, recursive: true });
  const hostKeys = openHostKeys(proxy.stateDirectory, clock.now());
  if (typeof hostKeys === 'string') return hostKeys;
  for (const warning of hostKeys.warnings) log.warn(warning);
  const certifier = await openCertifier(proxy, () => clock.now());
  if (typeof certifier === 'string') return certifier;
  const memory = parts.openMemory(proxy.stateDirectory, livePushes);
  memory.check();
  const counters = new Counters();
  const auditFile = parts.openAudit(proxy.auditFile);
  const audit = countingAudit(auditFile, counters);
  const servers = parts.openServers(config);
  const close = (): void => {
    servers.close();
    auditFile.close();
    memory.close();
    certifier.close();
  };

  const clientParts: ClientParts = {
    hostKeys: () => hostKeys.at(clock.now()),
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
    turns: new Turns(),
    openSession: ({ passage }, clientAddress) => {
      const title = `${passage.person} to ${passage.account}@${passage.service.name} from ${clientAddress} [${passage.id}]`;
      const facts = { directory: proxy.recordDirectory, id: passage.id, title, now: () => clock.now() };
      const recording = passage.grant.record ? new Recording(facts) : undefined;
      return new Session(new SessionLog(passage, clientAddress, audit, clock), recording, {
        facts: factsOf(passage, clientAddress, clock.now()),
        report: error => log.bug(error),
      });
    },
  };
  return { clients: clientParts, counters, close };
}

function factsOf({ id, person, account, service, grant }: Passage, client: string, since: number): SessionFacts {
  return { id, person, account, service: service.name, client, since, isRecorded: grant.record };
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
