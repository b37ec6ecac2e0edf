/** How the proxy stands, seen by its own user. Nothing is made or changed, and no secret is told. */
import { existsSync, lstatSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AgentConfig } from '../../config/config.ts';
import { directoryRoom } from '../../host/directory-room.ts';
import { spareBytes } from '../../host/disk-space.ts';
import { Approvals } from '../../store/approvals.ts';
import { HostKeyStore } from '../../store/host-keys.ts';
import { RecordingJournal } from '../../store/recording-journal.ts';
import { Remembered } from '../../store/remembered.ts';
import type {
  CatalogueSight,
  HostCertificateSight,
  KeptHostKey,
  ProxySight,
  RecordingsSight,
  RunningSight,
  Said,
  ServiceSight,
  WaitingApproval,
} from '../../system/proxy-standing.ts';
import type { Catalogue } from '../../trasa/catalogue.ts';
import { readCached } from '../catalogue/cached.ts';
import { isOlder, rewriteMs } from '../catalogue/keeper.ts';
import { type Offers, offersOf } from '../catalogue/offers.ts';
import { placeOfCatalogue } from '../catalogue/open-offers.ts';
import { NoProxyError, proxyStatus } from '../control/ask-proxy.ts';
import { type HostKeySight, lookAtHostKeys } from '../door/host-key-files.ts';
import { secretTroubles } from '../door/secret-files.ts';
import { addressText, knownHosts } from '../known-hosts.ts';
import { startTrouble } from '../start-trouble.ts';
import { openVault } from '../upstream/vault.ts';
import { greetingAt } from './greeting.ts';
import { lookAtUserCa } from './user-ca.ts';

export interface Look {
  readonly now: number;
  /** Also what takes a while: the passphrase of the User CA is tried, and the listening address called. */
  readonly isThorough: boolean;
}

const answerMs = 5_000;

export async function proxySight(config: AgentConfig, { now, isThorough }: Look): Promise<ProxySight> {
  const { proxy, server } = config;
  const { stateDirectory, listen } = proxy;
  const keys = lookAtHostKeys(stateDirectory);
  const { catalogue, sight: catalogueSight } = lookAtCatalogue(config, now);
  const offers = offersOf(config, catalogue, () => {});
  const unread: string[] = [];
  const kept = keptIn(stateDirectory, unread);
  const hostKeys = kept('host-keys.db', [], directory => storedKeys(directory, proxy.services));
  const running = await lookAtRunning(stateDirectory);
  const port = listen.port === 0 && running.kind === 'answers' ? running.port : listen.port;
  const callsAt = isThorough && port !== 0 ? { ...listen, port } : undefined;
  return {
    listen: `${listen.host ?? ''}:${port}`,
    troubles: troublesOf(config, keys),
    isServerVerified: !server.insecureSkipVerify,
    state: directoryRoom(stateDirectory),
    recordings: await lookAtRecordings(config, offers, kept),
    hostCertificates: keys.flatMap(certificateOf),
    userCA: await lookAtUserCa(proxy, now, isThorough),
    catalogue: catalogueSight,
    running,
    services: servicesOf(config, offers, hostKeys),
    hostKeys,
    approvals: kept('approvals.db', [], directory => waitingApprovals(directory, now)),
    heldOff: kept('logins.db', 0, directory => countHeldOff(directory, config, now)),
    unread,
    greeting: callsAt === undefined ? null : await greetingAt(callsAt, proxy.proxyProtocolFrom, answerMs),
  };
}

type Kept = <T>(file: string, none: T, read: (directory: string) => T) => T;

/** What is not there yet is not made by a look at it. */
function keptIn(directory: string, unread: string[]): Kept {
  return (file, none, read) => {
    if (!existsSync(join(directory, file))) return none;
    try {
      return read(directory);
    } catch (error) {
      unread.push(error instanceof Error ? error.message : String(error));
      return none;
    }
  };
}

function troublesOf(config: AgentConfig, keys: readonly HostKeySight[]): Said[] {
  const files = secretTroubles(config.proxy).map(({ path, problem: { text, hint } }) => ({
    text: `${path} ${text}`,
    place: path,
    hint: hint ?? null,
  }));
  const broken = keys
    .filter(({ keyTrouble, file }) => keyTrouble !== undefined && !files.some(({ place }) => place === file))
    .map(({ file, keyTrouble = '' }) => ({ text: `${file} ${keyTrouble}`, place: file, hint: null }));
  const start = startTrouble(config);
  const others = start === undefined ? [] : [{ text: start, place: config.source, hint: null }];
  return [...files, ...broken, ...others];
}

function certificateOf({ file, certificate }: HostKeySight): HostCertificateSight[] {
  const path = `${file}-cert.pub`;
  if (certificate === undefined) return [];
  if (typeof certificate === 'string') return [{ path, valid: null, trouble: certificate }];
  const { validAfter, validBefore } = certificate;
  return [{ path, valid: { after: Number(validAfter), before: Number(validBefore) }, trouble: null }];
}

/** So many of the journal's last lines. */
const journalLines = 200;

async function lookAtRecordings(
  { proxy }: AgentConfig,
  { entry, services }: Offers,
  kept: Kept,
): Promise<RecordingsSight> {
  const place = deepestExisting(proxy.recordDirectory);
  const directory = directoryRoom(place);
  const journalFault = kept('recordings.db', null, stateDirectory => {
    const journal = new RecordingJournal(stateDirectory);
    try {
      const number = journal.faultyLine(journalLines);
      return number === undefined ? null : `line ${number} is not what was written there, or does not follow its last`;
    } finally {
      journal.close();
    }
  });
  return {
    directory: { ...directory, path: proxy.recordDirectory },
    spareBytes: await statfs(place).then(spareBytes, () => 0), // what keeps us from it, `directory` says
    areWanted: [...services.values()].some(({ record }) => record) || entry.rules.some(({ grant }) => grant.record),
    journalFault,
  };
}

function deepestExisting(path: string): string {
  return path === '/' || lstatSync(path, { throwIfNoEntry: false }) !== undefined
    ? path
    : deepestExisting(dirname(path));
}

function lookAtCatalogue(
  config: AgentConfig,
  now: number,
): { readonly catalogue: Catalogue | undefined; readonly sight: CatalogueSight | null } {
  if (!config.proxy.catalogue) return { catalogue: undefined, sight: null };
  const { file, source } = placeOfCatalogue(config);
  const cached = readCached(file, source);
  if (cached === undefined || typeof cached === 'string')
    return { catalogue: undefined, sight: { confirmedAt: null, isTooOld: false, trouble: cached ?? null } };
  const { confirmedAt, catalogue } = cached;
  // the file may say later than the proxy knows that it still holds
  const isTooOld = isOlder(confirmedAt, now, config.proxy.catalogueMaxAgeMs + rewriteMs);
  return { catalogue, sight: { confirmedAt, isTooOld, trouble: null } };
}

async function lookAtRunning(stateDirectory: string): Promise<RunningSight> {
  try {
    const { since, port, release, workers, silent, sessions } = await proxyStatus(
      stateDirectory,
      AbortSignal.timeout(answerMs),
    );
    return { kind: 'answers', since, port, release, workers, silent, sessions };
  } catch (error) {
    if (!(error instanceof NoProxyError)) throw error;
    return { kind: 'silent', why: error.message };
  }
}

function servicesOf(config: AgentConfig, offers: Offers, kept: readonly KeptHostKey[]): ServiceSight[] {
  const vault = openVault(config.proxy.services.values());
  return [...offers.services.values()].map(service => {
    const { name, firstUse, hostCAs, hostKeys, credentials, accounts, listed } = service;
    const isPinned = kept.some(key => key.service === name && key.state === 'pinned');
    const opens = (account: string): boolean => {
      if (listed !== undefined || typeof vault === 'string') return true; // the server's to say; said already
      const { key, password } = vault.entryFor(service, account);
      const has = { certificate: true, ask: true, key: key !== undefined, password: password !== undefined };
      return credentials.some(credential => has[credential]);
    };
    return {
      name,
      address: addressText(service),
      firstUse,
      isKnown: hostCAs.length + hostKeys.length > 0 || isPinned,
      accountsWithout: accounts.filter(account => !opens(account)),
    };
  });
}

function storedKeys(directory: string, services: AgentConfig['proxy']['services']): KeptHostKey[] {
  const store = new HostKeyStore(directory);
  try {
    return knownHosts(services, store);
  } finally {
    store.close();
  }
}

function waitingApprovals(directory: string, now: number): WaitingApproval[] {
  const approvals = new Approvals(directory);
  try {
    return approvals
      .list(now)
      .filter(({ state }) => state === 'waiting')
      .map(({ id, person, account, target, askedAt }) => ({ id, person, account, target, askedAt }));
  } finally {
    approvals.close();
  }
}

function countHeldOff(directory: string, { throttle }: AgentConfig, now: number): number {
  const remembered = new Remembered(directory);
  try {
    return remembered.holds(throttle, now).filter(({ until }) => until > now).length;
  } finally {
    remembered.close();
  }
}
