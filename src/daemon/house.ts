/** What all connections of one daemon share, and how each of them is served. */
import type { Socket } from 'node:net';
import { DiskSpace } from '../host/disk-space.ts';
import { Admission } from './admission.ts';
import { LineLimit } from './line-limit.ts';
import { serveDoor } from './serve.ts';
import { type DaemonParts, type Timeouts, usualTimeouts } from './service.ts';
import { Settings } from './settings.ts';

export interface House {
  readonly settings: Settings;
  readonly admission: Admission;
  readonly timeouts: Timeouts;
  /** Settles when the connection needs us no longer. Never rejects. */
  serve(socket: Socket): Promise<void>;
  /** Denies logins in progress, ends recordings, and whatever comes from now on. */
  stop(): void;
  close(): void;
}

/** A broken configuration is no hindrance: everybody is denied with a reason, and a reload may mend it. */
export function openHouse(parts: DaemonParts): House {
  const { log } = parts;
  const settings = new Settings(parts);
  settings.load();
  const admission = new Admission();
  const limits = {
    overloads: new LineLimit(1, (uid, left) => log.warn('more that there was no room for', { uid, left })),
    refusals: new LineLimit(10, (uid, left) => log.warn('more refusals, not logged one by one', { uid, left })),
  };
  const timeouts = { ...usualTimeouts, ...parts.timeouts };
  const stopping = new AbortController();
  const shared = { admission, space: new DiskSpace(parts.statfs), limits, timeouts, stopping: stopping.signal };
  return {
    settings,
    admission,
    timeouts,
    async serve(socket) {
      try {
        await serveDoor(socket, { ...parts, ...shared, standing: settings.standing });
      } catch (error) {
        log.error(`a connection failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        socket.destroy();
      }
    },
    stop: () => stopping.abort(),
    close() {
      limits.overloads.close();
      limits.refusals.close();
      settings.close();
    },
  };
}
