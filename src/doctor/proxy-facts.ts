/** What the doctor has looked at of the access proxy. */
import type { ProxyStanding } from '../system/proxy-standing.ts';
import type { UnitState } from '../system/unit.ts';
import type { ServerSight } from '../trasa/sight.ts';

/** As `trasa-agent proxy status --examine` says it. */
export interface ExaminedProxy extends ProxyStanding {
  /** Empty if no server was to be asked. */
  readonly servers: readonly ServiceAtServer[];
}

export interface ServiceAtServer {
  /** Names of the services that have this ID and key; none: it is the proxy itself. */
  readonly services: readonly string[];
  readonly sight: ServerSight;
}

export interface ProxyFacts {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** A string says why it could not be had. */
  readonly examined: ExaminedProxy | string;
  /** Undefined: there is no systemd that knows it. */
  readonly unit: UnitState | undefined;
  /** Process ids of proxies whose program has been replaced since. */
  readonly outdated: readonly number[];
  /** Of this program. */
  readonly version: string;
}
