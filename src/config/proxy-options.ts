/** The services of the proxy: tables of their own, `[proxy.services.web1]`. */
import type { TomlTable, TomlValue } from 'smol-toml';
import { cleanText } from '../protocol/clean.ts';
import { parsePublicKeyLine } from '../ssh/key-line.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { parseAddressList } from '../ssh/source-address.ts';
import { notAGivenPath, notAnAccount, notAWord } from './checks.ts';
import { nearest } from './nearest.ts';
import { type Fault, isTable, mustBe, nounOf, type Option, plain, type Reading, valid, wrong } from './option.ts';

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
  if (!isTable(value)) return wrong(mustBe(expects, value));
  const all = new Map<string, ServiceOptions>();
  const faults: Fault[] = [];
  for (const [name, table] of Object.entries(value)) {
    const reader = new ServiceReader(name, table, faults);
    const service = reader.read();
    if (service !== undefined) all.set(name, service);
  }
  return faults.length === 0 ? valid(all) : { kind: 'wrong', faults };
}

class ServiceReader {
  readonly #name: string;
  readonly #value: TomlValue;
  readonly #faults: Fault[];
  readonly #before: number;

  constructor(name: string, value: TomlValue, faults: Fault[]) {
    this.#name = name;
    this.#value = value;
    this.#faults = faults;
    this.#before = faults.length;
  }

  /** Undefined if it has faults, all of which are listed. */
  read(): ServiceOptions | undefined {
    if (!isServiceName(this.#name)) this.#fault('is no name: letters, digits, dots, dashes, and no blanks');
    if (!isTable(this.#value)) {
      this.#fault(`must be a table, not ${nounOf(this.#value)}`);
      return undefined;
    }
    const table = this.#value;
    for (const key of Object.keys(table)) if (!serviceOptionNames.includes(key)) this.#unknown(key);
    const address = this.#address(table);
    const service = {
      host: address?.host ?? '',
      port: address?.port ?? 0,
      serviceID: this.#text(table, 'serviceID', notAWord),
      serviceKey: this.#text(table, 'serviceKey', notAWord),
      serviceKeyFile: this.#text(table, 'serviceKeyFile', notAGivenPath),
      accounts: this.#texts(table, 'accounts'),
      hostCAs: this.#keys(table, 'hostCA'),
      hostKeys: this.#keys(table, 'hostKey'),
      record: this.#flag(table, 'record', false),
    };
    this.#judge(service);
    return this.#faults.length === this.#before ? service : undefined;
  }

  #judge({ serviceID, serviceKey, serviceKeyFile, accounts, hostCAs, hostKeys }: ServiceOptions): void {
    if (accounts.length === 0) this.#fault('has no accounts', 'as accounts = ["alice", "deploy"]');
    for (const account of accounts) {
      const fault = /[\s,*?!:/\p{C}]/u.test(account) ? 'is not the name of an account' : notAnAccount(account);
      if (fault !== undefined) this.#fault(`accounts: ${JSON.stringify(cleanText(account, 64))} ${fault}`);
    }
    if (hostCAs.length + hostKeys.length === 0)
      this.#fault('has neither hostCA nor hostKey: nothing would prove the host', 'as hostKey = "ssh-ed25519 AAAA…"');
    if (serviceKey !== '' && serviceKeyFile !== '') this.#fault('has both serviceKey and serviceKeyFile', 'keep one');
    if ((serviceID === '') !== (serviceKey === '' && serviceKeyFile === ''))
      this.#fault('needs serviceID together with serviceKey or serviceKeyFile, or none of them');
  }

  #address(table: TomlTable): { host: string; port: number } | undefined {
    const value = own(table, 'address');
    const address = typeof value === 'string' ? parseAddress(value, 22) : undefined;
    if (address?.host !== undefined) return { host: address.host, port: address.port };
    this.#fault(
      value === undefined ? 'needs address' : 'address is none',
      'as address = "10.0.0.5:22" or "web1.example.com"',
    );
    return undefined;
  }

  #text(table: TomlTable, key: string, check: (value: string) => string | undefined): string {
    const value = own(table, key);
    if (value === undefined) return '';
    if (typeof value !== 'string') {
      this.#fault(`${key} must be a string, not ${nounOf(value)}`);
      return '';
    }
    const fault = check(value);
    if (fault !== undefined) this.#fault(`${key} is wrong: ${fault}`);
    return value;
  }

  /** One string or a list of them. */
  #texts(table: TomlTable, key: string): readonly string[] {
    const value = own(table, key);
    if (value === undefined) return [];
    const list: readonly TomlValue[] = Array.isArray(value) ? value : [value];
    const texts = list.filter(item => typeof item === 'string');
    if (texts.length !== list.length) this.#fault(`${key} must be a list of strings`);
    return texts;
  }

  #keys(table: TomlTable, name: string): PublicKey[] {
    return this.#texts(table, name).flatMap(text => {
      const line = parsePublicKeyLine(text);
      if (line.kind === 'parsed') return [line.value.key];
      this.#fault(`${name} ${line.text}`);
      return [];
    });
  }

  #flag(table: TomlTable, key: string, standard: boolean): boolean {
    const value = own(table, key) ?? standard;
    if (typeof value === 'boolean') return value;
    this.#fault(`${key} must be true or false, not ${nounOf(value)}`);
    return standard;
  }

  #unknown(key: string): void {
    const near = nearest(key, serviceOptionNames);
    this.#fault(
      `has an unknown option ${cleanText(key, 60)}`,
      near === undefined ? undefined : `did you mean ${near}?`,
    );
  }

  #fault(text: string, hint?: string): void {
    const name = cleanText(this.#name, 64);
    this.#faults.push({ key: this.#name, text: `${name}: ${text}`, ...(hint !== undefined && { hint }) });
  }
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
];

function own(table: TomlTable, key: string): TomlValue | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
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
