/** Puts together from its configuration what a worker needs for the connections that it is handed. */
import { mkdirSync } from 'node:fs';
import type { Rules } from '../auth/ports.ts';
import type { AgentConfig } from '../config/config.ts';
import type { Krl } from '../ssh/krl.ts';
import type { PushMarks } from '../store/live-pushes.ts';
import { openOffers } from './catalogue/open-offers.ts';
import { fromServerVault } from './catalogue/server-vault.ts';
import { type Final, openCertifier } from './certifier.ts';
import type { ClientParts } from './door/client.ts';
import { openHostKeys } from './door/host-key-files.ts';
import { Session, type SessionFacts } from './door/session.ts';
import { Turns } from './door/turns.ts';
import { grantsOn, isPartlyClosed } from './downstream/entry.ts';
import type { JumpPassage, Passage } from './downstream/login.ts';
import { PasswordGuesses } from './downstream/password-guesses.ts';
import { nativeCiphers } from './engine/native-ciphers.ts';
import { engineReady } from './engine/transport.ts';
import { jumpPoint } from './jump/point.ts';
import { proxyLog } from './log.ts';
import { Counters } from './metrics/counters.ts';
import { countingAudit } from './metrics/counting-audit.ts';
import { openRecorder } from './recording/open-recorder.ts';
import { Recording } from './recording/recording.ts';
import { SessionLog } from './relay/session-log.ts';
import type { OpenKeyStore, ProxyParts } from './service.ts';
import { openVault } from './upstream/vault.ts';

export interface Proxy {
  readonly clients: ClientParts;
  /** Of what is done. */
  readonly counters: Counters;
  /** When the last of them is gone. */
  close(): Promise<void>;
}

/** A string, or what is final, says why it cannot be. @param livePushes of all workers */
export async function openProxy(
  config: AgentConfig,
  parts: ProxyParts,
  livePushes: PushMarks,
): Promise<Proxy | Final | string> {
  const { proxy } = config;
  const { clock, random } = parts;
  await using opened = new AsyncDisposableStack(); // unless it is handed over: what does not start keeps nothing
  const log = proxyLog(parts.log);
  await engineReady;
  const ciphers = nativeCiphers();
  if (typeof ciphers === 'string') log.warn(`ciphers are slower than they could be: ${ciphers}`);
  mkdirSync(proxy.stateDirectory, { mode: 0o700, recursive: true });
  const hostKeys = openHostKeys(proxy.stateDirectory, clock.now());
  if (typeof hostKeys === 'string') return hostKeys;
  for (const warning of hostKeys.warnings) log.warn(warning);
  const files = openVault(proxy.services.values());
  if (typeof files === 'string') return files;
  const keyStore = openKeyStore(parts, proxy.stateDirectory);
  if (typeof keyStore === 'string') return keyStore;
  opened.defer(() => keyStore.close());
  const certifier = await openCertifier(proxy, () => clock.now(), log);
  if (typeof certifier === 'string' || 'final' in certifier) return certifier;
  opened.defer(async () => await certifier.close());
  const memory = parts.openMemory(proxy.stateDirectory, livePushes);
  opened.defer(() => memory.close());
  memory.check();
  const approvals = parts.openApprovals(proxy.stateDirectory);
  opened.defer(() => approvals.close());
  const counters = new Counters();
  const auditFile = parts.openAudit(proxy.auditFile);
  opened.defer(() => auditFile.close());
  const audit = countingAudit(auditFile, counters);
  const servers = parts.openServers(config);
  opened.defer(() => servers.close());
  const offers = await openOffers(config, servers, clock, log);
  opened.defer(() => offers.stop());
  const revoked = (): readonly Krl[] => [...certifier.revoked(), ...offers.now().revoked];
  const recordings = openRecorder(proxy.stateDirectory, {
    directory: proxy.recordDirectory,
    days: proxy.recordingDays,
    now: () => clock.now(),
    removed: count => log.info('recordings were removed', { count, days: proxy.recordingDays }),
    sealed: facts => audit.note({ event: 'recording-sealed', ...facts }),
    report: error => log.error(`recordings: ${error instanceof Error ? error.message : String(error)}`),
  });
  if (typeof recordings === 'string') return recordings;
  opened.defer(async () => await recordings.close());

  const clientParts: ClientParts = {
    hostKeys: () => hostKeys.at(clock.now()),
    ident: parts.ident,
    loginTimeoutMs: proxy.loginTimeoutMs,
    login: {
      authenticate: parts.authenticate,
      checkPassword: async (...asked) => await servers.checkPassword(...asked),
      guesses: new PasswordGuesses(memory, config.throttle, clock),
      verifierFor: service => servers.verifierFor(service),
      offers: offers.now,
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
        const { services, entry, nameOf } = offers.now();
        const who = nameOf(person); // the server may have said it since the login
        return {
          services,
          grantsFor: service => grantsOn({ entry, clock }, who, service, clientAddress),
          isPartlyClosed: service => isPartlyClosed({ entry, clock }, who, service, clientAddress),
        };
      },
      dial: parts.dial,
      broken: error => log.bug(error),
    }),
    keyRules: clientAddress => {
      const { keys, systemCAs } = offers.now();
      const personCAs = [certifier.userCA, ...systemCAs];
      return { keys, personCAs, revoked: revoked(), now: clock.now(), clientAddress };
    },
    log,
    turns: new Turns(),
    openSession: ({ passage }, clientAddress) => {
      const { id, person, account, service } = passage;
      const facts = { id, person, account, service: service.name, client: clientAddress };
      const recording = passage.grant.record ? new Recording(recordings.recorder, facts) : undefined;
      return new Session(new SessionLog(passage, clientAddress, audit, clock), recording, {
        facts: factsOf(passage, clientAddress, clock.now()),
        report: error => log.bug(error),
      });
    },
  };
  const handedOver = opened.move();
  return { clients: clientParts, counters, close: async () => await handedOver.disposeAsync() };
}

function factsOf(
  { id, person, account, service, grant }: Passage | JumpPassage,
  client: string,
  since: number,
): SessionFacts {
  return { id, person, account, service: service.name, client, since, isRecorded: grant.record };
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
