import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { Secret } from '../../otp/secret.ts';
import { bytesOf, flagOf, optionalTextOf, type Row, textOf } from './row.ts';

/** A host or application that asks for checks. */
export interface Service {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  /** Accounts that are mapped to nobody enter without a second factor. */
  readonly passthru: boolean;
  /** The one that an administrator pinned, as in a .pub file. */
  readonly hostKey: string | undefined;
  /** An access proxy may ask on behalf of the services behind it, and for the catalogue of them. */
  readonly kind: ServiceKind;
  /** `host:port` where access proxies find it; undefined: it is not behind them. */
  readonly address: string | undefined;
  /** Record all sessions there. */
  readonly record: boolean;
}

export type ServiceKind = 'host' | 'proxy';

/** What an administrator may change. */
export type ServiceFacts = Pick<Service, 'hostname' | 'hostKey' | 'address' | 'record'>;

export interface NewService {
  readonly service: Service;
  /** Shown once; only its hash is kept. */
  readonly key: Secret;
}

export class Services {
  readonly #database: DatabaseSync;
  readonly #byId;
  readonly #byName;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#byId = database.prepare('SELECT * FROM services WHERE id = ?');
    this.#byName = database.prepare('SELECT * FROM services WHERE name = ?');
  }

  byId(id: string): Service | undefined {
    return serviceOf(this.#byId.get(id));
  }

  /** By name or by service ID, as an administrator types it. */
  find(nameOrId: string): Service | undefined {
    return serviceOf(this.#byName.get(nameOrId)) ?? this.byId(nameOrId);
  }

  /** The service, if the key is its key. */
  authenticate(id: string, key: string): Service | undefined {
    const row = this.#byId.get(id);
    const kept = row === undefined ? Buffer.alloc(32) : bytesOf(row, 'key_hash');
    return timingSafeEqual(hashOf(key), kept) ? serviceOf(row) : undefined;
  }

  all(): Service[] {
    const rows = this.#database.prepare('SELECT * FROM services ORDER BY name').all();
    return rows.map(serviceOf).filter(service => service !== undefined);
  }

  /** Undefined if the name is taken. */
  add(
    name: string,
    hostname: string,
    passthru: boolean,
    now: number,
    kind: ServiceKind = 'host',
  ): NewService | undefined {
    if (this.find(name) !== undefined) return undefined;
    const id = randomUUID();
    const key = newKey();
    const columns = 'id, name, key_hash, hostname, passthru, created_at, kind';
    this.#database
      .prepare(`INSERT INTO services (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`)
      .run(id, name, hashOf(key.expose()), hostname, Number(passthru), now, kind);
    const service = { id, name, hostname, passthru, hostKey: undefined, kind, address: undefined, record: false };
    return { service, key };
  }

  change(id: string, { hostname, hostKey, address, record }: ServiceFacts): void {
    this.#database
      .prepare('UPDATE services SET hostname = ?, host_key = ?, address = ?, record = ? WHERE id = ?')
      .run(hostname, hostKey ?? null, address ?? null, Number(record), id);
  }

  /** False if there is no such service. */
  pinHostKey(id: string, hostKey: string | undefined): boolean {
    const statement = this.#database.prepare('UPDATE services SET host_key = ? WHERE id = ?');
    return statement.run(hostKey ?? null, id).changes === 1;
  }

  /** The old key stops working at once. */
  rotateKey(id: string): Secret {
    const key = newKey();
    this.#database.prepare('UPDATE services SET key_hash = ? WHERE id = ?').run(hashOf(key.expose()), id);
    return key;
  }
}

function newKey(): Secret {
  return new Secret(randomBytes(32).toString('base64url'));
}

/** The keys are 256 random bits, so that a plain hash hides them; no stretching needed. */
function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function serviceOf(row: Row | undefined): Service | undefined {
  if (row === undefined) return undefined;
  return {
    id: textOf(row, 'id'),
    name: textOf(row, 'name'),
    hostname: textOf(row, 'hostname'),
    passthru: flagOf(row, 'passthru'),
    hostKey: optionalTextOf(row, 'host_key'),
    kind: textOf(row, 'kind') === 'proxy' ? 'proxy' : 'host',
    address: optionalTextOf(row, 'address'),
    record: flagOf(row, 'record'),
  };
}
