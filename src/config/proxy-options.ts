/** The services of the proxy: tables of their own, `[proxy.services.web1]`. */
import type { TomlValue } from 'smol-toml';
import { cleanText } from '../protocol/clean.ts';
import { parsePublicKeyLine } from '../ssh/key-line.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { parseAddressList } from '../ssh/source-address.ts';
import { notAGivenPath, notAnAccount, notAWord } from './checks.ts';
import { type Fault, mustBe, type Option, plain, type Reading, valid, wrong } from './option.ts';
import { readTables, type TableReader } from './table-reader.ts';
import {
  credentialFindings,
  type Finding,
  type FirstUse,
  firstUses,
  isCredential,
  pathFindings,
  type UpstreamCredential,
  upstreamFindings,
  usualCredentials,
} from './upstream-options.ts';

export interface ServiceOptions {
  readonly host: string;
  readonly port: number;
  /** Of this service in the TRASA dashboard; empty: those at the top of the file. */
  readonly serviceID: string;
  readonly serviceKey: string;
  readonly serviceKeyFile: string;
  readonly accounts: readonly string[];
  /** Keys of CAs that certify the host. */
  readonly hostCAs: readonly PublicKey[];
  /** Keys of the host itself. */
  readonly hostKeys: readonly PublicKey[];
  readonly record: boolean;
  readonly firstUse: FirstUse;
  /** In the order in which they are tried. */
  readonly credentials: readonly UpstreamCredential[];
  /** In the names of these files, `%u` is the account; empty: there is none. */
  readonly keyFile: string;
  readonly passphraseFile: string;
  readonly passwordFile: string;
  /** The service through which the host is reached, and the account there; empty: directly. */
  readonly via: string;
  readonly viaAccount: string;
  /** From where the host sees who comes: CIDR blocks; empty: as far as the proxy knows. */
  readonly sourceAddress: string;
}

/** What stands for a service in the user name of whoever comes to jump; so no service has this name. */
export const jumpName = 'jump';

/** In any case of letters: nobody is to take one for the other. */
export function isJumpName(name: string): boolean {
  return name.toLowerCase() === jumpName;
}

/** A service's name is what people type behind their account, and so unlike anything else there. */
export function isServiceName(name: string): boolean {
  return /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62})$/.test(name);
}

export function services(doc: string): Option<ReadonlyMap<string, ServiceOptions>> {
  const expects = 'tables, one for each service';
  return {
    ...plain<ReadonlyMap<string, ServiceOptions>>(expects, new Map(), undefined, doc),
    secret: true,
    read: value => readServices(value, expects),
  };
}

export function listenAddress(doc: string): Option<ListenAddress> {
  const expects = 'an address and port, as ":8022" or "127.0.0.1:8022"';
  return {
    ...plain<ListenAddress>(expects, { host: undefined, port: 8022 }, '":8022"', doc),
    read: value => {
      if (typeof value !== 'string') return wrong(mustBe(expects, value));
      const address = parseAddress(value, 0);
      return address === undefined ? wrong(`must be ${expects}`) : valid(address);
    },
  };
}

/** Where something listens that need not. */
export function optionalAddress(doc: string, example: string): Option<ListenAddress | undefined> {
  const expects = 'an address and port, as "127.0.0.1:9822", or empty';
  return {
    ...plain<ListenAddress | undefined>(expects, undefined, example, doc),
    isExample: true,
    read: value => {
      if (typeof value !== 'string') return wrong(mustBe(expects, value));
      const address = value === '' ? undefined : parseAddress(value, 0);
      return value !== '' && address === undefined ? wrong(`must be ${expects}`) : valid(address);
    },
  };
}

export interface ListenAddress {
  /** Undefined: every address of this host. */
  readonly host: string | undefined;
  readonly port: number;
}

export function addressBlocks(doc: string, example: string): Option<string> {
  const expects = 'addresses or CIDR blocks with commas between them';
  return {
    ...plain(expects, '', example, doc),
    isExample: true,
    read: value => {
      if (typeof value !== 'string') return wrong(mustBe(expects, value));
      return value === '' || parseAddressList(value) !== undefined ? valid(value) : wrong(`must be ${expects}`);
    },
  };
}

function readServices(value: TomlValue, expects: string): Reading<ReadonlyMap<string, ServiceOptions>> {
  const reading = readTables(value, expects, serviceOptionNames, readService);
  if (reading.kind === 'wrong') return reading; // a service that is wrong itself would be said not to be there
  const faults = pathFindings(reading.value).map(
    ([name, { text, hint }]): Fault => ({ key: name, text: `${name}: ${text}`, ...(hint !== undefined && { hint }) }),
  );
  return faults.length === 0 ? reading : { kind: 'wrong', faults };
}

function readService(read: TableReader): ServiceOptions {
  if (!isServiceName(read.name)) read.fault('is no name: letters, digits, dots, dashes, and no blanks');
  if (isJumpName(read.name)) read.fault('is the word for ssh -J, not a service', 'give it another name');
  const address = addressOf(read);
  const service = {
    host: address?.host ?? '',
    port: address?.port ?? 0,
    serviceID: read.text('serviceID', notAWord),
    serviceKey: read.text('serviceKey', notAWord),
    serviceKeyFile: read.text('serviceKeyFile', notAGivenPath),
    accounts: read.texts('accounts') ?? [],
    hostCAs: keysOf(read, 'hostCA'),
    hostKeys: keysOf(read, 'hostKey'),
    record: read.flag('record', false),
    firstUse: firstUseOf(read),
    credentials: credentialsOf(read),
    keyFile: read.text('keyFile', notAGivenPath),
    passphraseFile: read.text('passphraseFile', notAGivenPath),
    passwordFile: read.text('passwordFile', notAGivenPath),
    via: read.text('via', notAWord),
    viaAccount: read.text('viaAccount', notAnAccountHere),
    sourceAddress: read.text('sourceAddress', notAddresses),
  };
  judge(read, service);
  return service;
}

function judge(read: TableReader, service: ServiceOptions): void {
  const { serviceID, serviceKey, serviceKeyFile, accounts } = service;
  if (accounts.length === 0) read.fault('has no accounts', 'as accounts = ["alice", "deploy"]');
  for (const account of accounts) {
    const fault = notAnAccountHere(account);
    if (fault !== undefined) read.fault(`accounts: ${JSON.stringify(cleanText(account, 64))} ${fault}`);
  }
  for (const { text, hint } of upstreamFindings(service)) read.fault(text, hint);
  if (serviceKey !== '' && serviceKeyFile !== '') read.fault('has both serviceKey and serviceKeyFile', 'keep one');
  if ((serviceID === '') !== (serviceKey === '' && serviceKeyFile === ''))
    read.fault('needs serviceID together with serviceKey or serviceKeyFile, or none of them');
}

function addressOf(read: TableReader): { host: string; port: number } | undefined {
  const value = read.value('address');
  const address = typeof value === 'string' ? parseAddress(value, 22) : undefined;
  if (address?.host !== undefined) return { host: address.host, port: address.port };
  read.fault(
    value === undefined ? 'needs address' : 'address is none',
    'as address = "10.0.0.5:22" or "web1.example.com"',
  );
  return undefined;
}

function keysOf(read: TableReader, name: string): PublicKey[] {
  return (read.texts(name) ?? []).flatMap(text => {
    const line = parsePublicKeyLine(text);
    if (line.kind === 'parsed') return [line.value.key];
    read.fault(`${name} ${line.text}`);
    return [];
  });
}

function firstUseOf(read: TableReader): FirstUse {
  const value = read.value('firstUse') ?? 'refuse';
  const found = firstUses.find(known => known === value);
  if (found === undefined) read.fault('firstUse must be "refuse", "ask" or "hold"');
  return found ?? 'refuse';
}

function credentialsOf(read: TableReader): readonly UpstreamCredential[] {
  if (read.value('credentials') === undefined) return usualCredentials;
  const words = read.texts('credentials');
  if (words === undefined) return usualCredentials;
  const findings: Finding[] = words.length === 0 ? [{ text: 'credentials is empty' }] : credentialFindings(words);
  for (const { text, hint } of findings) read.fault(text, hint);
  return words.filter(isCredential);
}

export const serviceOptionNames: readonly string[] = [
  'address',
  'serviceID',
  'serviceKey',
  'serviceKeyFile',
  'accounts',
  'hostCA',
  'hostKey',
  'record',
  'firstUse',
  'credentials',
  'keyFile',
  'passphraseFile',
  'passwordFile',
  'via',
  'viaAccount',
  'sourceAddress',
];

function notAnAccountHere(account: string): string | undefined {
  return /[\s,*?!:/\p{C}]/u.test(account) ? 'is not the name of an account' : notAnAccount(account);
}

function notAddresses(list: string): string | undefined {
  return parseAddressList(list) === undefined ? 'it is no list of addresses or CIDR blocks' : undefined;
}

/** `host:port`, `[v6]:port`, `:port`, or (with a usual port) the host alone. */
function parseAddress(text: string, usualPort: number): ListenAddress | undefined {
  const [, v6, name = '', digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = digits === undefined ? usualPort : Number(digits);
  if (port > 65_535 || (digits === undefined && usualPort === 0)) return undefined;
  const host = v6 ?? name;
  if (host.startsWith('-') || (host === '' && !text.startsWith(':'))) return undefined;
  return { host: host === '' ? undefined : host, port };
}
