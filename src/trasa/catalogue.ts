/**
 * What an access proxy takes from the embedded server, as JSON; both sides are ours (PROTOCOL.md, part 2). No secret is in
 * it: those of the vault are asked for one by one.
 */
import { type Hours, isDay, isTimeZone, parseHours } from '../policy/hours.ts';
import { readSessionTerms, type SessionTerms } from '../policy/session-terms.ts';
import { parsePublicKeyLine } from '../ssh/key-line.ts';
import type { Krl } from '../ssh/krl.ts';
import { parseKrl } from '../ssh/krl-read.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { parseNetwork } from '../ssh/source-address.ts';

export const cataloguePath = '/api/v1/proxy/catalogue';
export const vaultPath = '/api/v1/proxy/vault';

/** Another number: what is in it may restrict in ways that this reader does not know. */
const version = 1;

/** As it is sent, and kept. Public keys are lines of a .pub file. */
export interface CatalogueMessage {
  readonly version: typeof version;
  readonly services: readonly {
    readonly id: string;
    readonly name: string;
    readonly host: string;
    readonly port: number;
    /** The name in the host's certificate; empty: `host`. */
    readonly certifiedAs: string;
    readonly hostKeys: readonly string[];
    readonly record: boolean;
    /** Accounts for which the vault has something. */
    readonly vault: readonly string[];
  }[];
  /** The first that speaks of person, service and account decides. */
  readonly policies: readonly {
    /** An email, or `@` and the name of a group. */
    readonly holder: string;
    readonly service: string;
    readonly account: string;
    readonly tfa: boolean;
    readonly networks: readonly string[];
    readonly hours: string;
    readonly timeZone: string;
    /** Empty: no end. */
    readonly lastDay: string;
    readonly session: SessionTerms;
  }[];
  /** Emails of people in groups. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** Username → email. */
  readonly usernames: Readonly<Record<string, string>>;
  /** `SHA256:…` → email. */
  readonly keys: Readonly<Record<string, string>>;
  readonly hostCAs: readonly string[];
  readonly systemCAs: readonly string[];
  /** Base64 of OpenSSH's form: what these CAs have revoked. */
  readonly krls: readonly string[];
}

export interface Catalogue {
  readonly services: readonly CatalogueService[];
  readonly policies: readonly CataloguePolicy[];
  readonly groups: ReadonlyMap<string, readonly string[]>;
  readonly usernames: ReadonlyMap<string, string>;
  readonly keys: ReadonlyMap<string, string>;
  readonly systemCAs: readonly PublicKey[];
  readonly krls: readonly Krl[];
}

export interface CatalogueService {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly certifiedAs: string | undefined;
  /** Those that the policies give to anybody. */
  readonly accounts: readonly string[];
  readonly hostCAs: readonly PublicKey[];
  readonly hostKeys: readonly PublicKey[];
  readonly record: boolean;
  readonly vault: readonly string[];
}

export interface CataloguePolicy {
  /** An email, or `@` and the name of a group. */
  readonly holder: string;
  readonly service: string;
  readonly account: string;
  readonly tfa: boolean;
  readonly networks: readonly string[];
  readonly hours: Hours;
  readonly timeZone: string;
  readonly lastDay: string | undefined;
  readonly session: SessionTerms;
}

/** All of it or nothing: a string says what is wrong. What is not known is passed over. */
export function parseCatalogue(value: unknown): Catalogue | string {
  const reader = new Reader();
  const whole = reader.object(value, 'the catalogue');
  if (whole['version'] !== version) return `its version is not ${version}`;
  const hostCAs = reader.keys(whole['hostCAs'], 'hostCAs');
  const policies = reader
    .list(whole['policies'], 'policies')
    .map((item, index) => readPolicy(reader, item, `policies[${index}]`));
  const catalogue: Catalogue = {
    services: reader.list(whole['services'], 'services').map((item, index) => {
      const service = readService(reader, item, `services[${index}]`);
      const own = policies.filter(policy => policy.service === service.name);
      return { ...service, accounts: [...new Set(own.map(({ account }) => account))], hostCAs };
    }),
    policies,
    groups: reader.map(whole['groups'], 'groups', (item, name) => reader.texts(item, name)),
    usernames: reader.map(whole['usernames'], 'usernames', (item, name) => reader.text(item, name)),
    keys: reader.map(whole['keys'], 'keys', (item, name) => reader.text(item, name)),
    systemCAs: reader.keys(whole['systemCAs'], 'systemCAs'),
    krls: reader.texts(whole['krls'], 'krls').flatMap(text => {
      const krl = parseKrl(Buffer.from(text, 'base64'));
      if (krl.kind === 'parsed') return [krl.value];
      reader.wrong(`krls ${krl.text}`);
      return [];
    }),
  };
  return reader.problem ?? catalogue;
}

function readService(reader: Reader, item: unknown, where: string): Omit<CatalogueService, 'accounts' | 'hostCAs'> {
  const service = reader.object(item, where);
  const port = Number(service['port']);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) reader.wrong(`${where}.port is none`);
  const name = reader.text(service['name'], `${where}.name`);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) reader.wrong(`${where}.name is none`);
  const certifiedAs = reader.text(service['certifiedAs'], `${where}.certifiedAs`);
  return {
    id: reader.text(service['id'], `${where}.id`),
    name,
    host: reader.text(service['host'], `${where}.host`),
    port,
    certifiedAs: certifiedAs === '' ? undefined : certifiedAs,
    hostKeys: reader.keys(service['hostKeys'], `${where}.hostKeys`),
    record: reader.flag(service['record'], `${where}.record`),
    vault: reader.texts(service['vault'], `${where}.vault`),
  };
}

function readPolicy(reader: Reader, item: unknown, where: string): CataloguePolicy {
  const policy = reader.object(item, where);
  const session = readSessionTerms(policy['session']);
  if (session === undefined) reader.wrong(`${where}.session is not whole`);
  const hours = parseHours(reader.text(policy['hours'], `${where}.hours`));
  if (hours === undefined) reader.wrong(`${where}.hours are none`);
  const timeZone = reader.timeZone(policy['timeZone'], `${where}.timeZone`);
  const networks = reader.texts(policy['networks'], `${where}.networks`);
  if (networks.some(network => parseNetwork(network) === undefined)) reader.wrong(`${where}.networks are none`);
  const lastDay = reader.text(policy['lastDay'], `${where}.lastDay`);
  if (lastDay !== '' && !isDay(lastDay)) reader.wrong(`${where}.lastDay is none`);
  return {
    holder: reader.text(policy['holder'], `${where}.holder`),
    service: reader.text(policy['service'], `${where}.service`),
    account: reader.text(policy['account'], `${where}.account`),
    tfa: reader.flag(policy['tfa'], `${where}.tfa`),
    networks,
    hours: hours ?? { spans: [] },
    timeZone,
    lastDay: lastDay === '' ? undefined : lastDay,
    session: session ?? nothing,
  };
}

/** Stands where a problem was found, so that it is never used. */
const nothing: SessionTerms = {
  approvalMs: 0,
  record: true,
  shell: false,
  commands: [],
  fileTransfer: false,
  forwarding: { local: [], remote: [], streamlocal: false, agent: false, x11: false, jump: false },
  idleMs: 0,
  sessionMs: 0,
};

/** Takes what should be there, and keeps the first problem. */
class Reader {
  problem: string | undefined;
  readonly #timeZones = new Set<string>();

  wrong(text: string): void {
    this.problem ??= text;
  }

  object(value: unknown, where: string): Readonly<Record<string, unknown>> {
    if (isObject(value)) return value;
    this.wrong(`${where} is no object`);
    return {};
  }

  list(value: unknown, where: string): readonly unknown[] {
    if (Array.isArray(value)) return value;
    this.wrong(`${where} is no list`);
    return [];
  }

  text(value: unknown, where: string): string {
    if (typeof value === 'string') return value;
    this.wrong(`${where} is no text`);
    return '';
  }

  flag(value: unknown, where: string): boolean {
    if (typeof value !== 'boolean') this.wrong(`${where} is neither true nor false`);
    return value === true;
  }

  texts(value: unknown, where: string): readonly string[] {
    return this.list(value, where).map(item => this.text(item, where));
  }

  /** To look one up takes a while, and there are few. */
  timeZone(value: unknown, where: string): string {
    const name = this.text(value, where);
    if (this.#timeZones.has(name)) return name;
    if (isTimeZone(name)) this.#timeZones.add(name);
    else this.wrong(`${where} is none`);
    return name;
  }

  map<T>(value: unknown, where: string, read: (item: unknown, where: string) => T): ReadonlyMap<string, T> {
    const entries = Object.entries(this.object(value, where));
    return new Map(entries.map(([name, item]) => [name, read(item, where)]));
  }

  keys(value: unknown, where: string): readonly PublicKey[] {
    return this.texts(value, where).flatMap(text => {
      const line = parsePublicKeyLine(text);
      if (line.kind === 'parsed') return [line.value.key];
      this.wrong(`${where} ${line.text}`);
      return [];
    });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
