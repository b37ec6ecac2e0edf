/** Puts the primary together from its configuration, and opens its door. What it hands on goes to the workers of crew/. */
import { isDeepStrictEqual } from 'node:util';
import type { AgentConfig } from '../config/config.ts';
import { openControl } from './control/control.ts';
import { Crew } from './crew/crew.ts';
import { type Door, openDoor } from './door/door.ts';
import { Visits } from './door/visits.ts';
import { proxyLog } from './log.ts';
import { Counters, gauge } from './metrics/counters.ts';
import { openMetrics } from './metrics/metrics-server.ts';
import { processSamples } from './metrics/process-samples.ts';
import type { PrimaryParts } from './service.ts';

export interface Primary {
  readonly port: number;
  /** Sessions stay under the configuration under which they began. */
  reload(config: AgentConfig): Promise<void>;
  /** When nobody can be let in any more, and only a start of another process helps. */
  readonly lost: Promise<void>;
  /** @returns whether all ended as it should */
  stop(): Promise<boolean>;
}

/** A string says why it cannot start. */
export async function startPrimary(config: AgentConfig, parts: PrimaryParts): Promise<Primary | string> {
  const { proxy } = config;
  const log = proxyLog(parts.log);
  let audit = parts.openAudit(proxy.auditFile);
  const counters = new Counters();
  const visits = new Visits(proxy, parts.clock, counters);
  const crew = new Crew(parts, log);
  const trouble = await crew.serve(config);
  if (trouble !== undefined) {
    await crew.leave(0);
    return trouble;
  }
  const startedAt = parts.clock.now();
  let { drainMs } = proxy;
  let isStopping = false;
  const closeAll: (() => void)[] = [() => audit.close()];
  let door: Door;
  let port = 0; // while it is not open
  try {
    const control = await openControl(proxy.stateDirectory, {
      crew,
      visits,
      audit: { note: event => audit.note(event) },
      log,
      about: () => ({ since: startedAt, port, release: parts.release }),
    });
    closeAll.push(() => control.close());
    if (proxy.metrics !== undefined) {
      const metrics = await openMetrics(proxy.metrics, {
        notReady: () => whyNotReady(isStopping, crew.size),
        samples: async () => [
          ...counters.samples,
          gauge('trasa_proxy_sessions', visits.sessions),
          gauge('trasa_proxy_startups', visits.strangers),
          gauge('trasa_proxy_ready', whyNotReady(isStopping, crew.size) === undefined ? 1 : 0),
          gauge('process_start_time_seconds', startedAt / 1000, { process: 'primary' }),
          ...processSamples('primary'),
          ...(await crew.report()).samples,
        ],
      });
      closeAll.push(() => metrics.close());
      log.info('metrics', { port: metrics.port });
    }
    door = await openDoor(proxy.listen, visits, (socket, visit) => crew.admit(socket, visit), log);
    ({ port } = door);
  } catch (error) {
    for (const close of closeAll) close();
    await crew.leave(0);
    return `cannot listen: ${error instanceof Error ? error.message : String(error)}`;
  }
  const { host = 'every address' } = proxy.listen;
  log.info('ready', { host, port, services: proxy.services.size });
  return {
    port,
    lost: crew.lost,
    async reload(next) {
      for (const what of needRestart(proxy, next.proxy)) log.warn(`${what} has changed: that takes a restart`);
      const { listen, stateDirectory } = proxy;
      const failed = await crew.serve({ ...next, proxy: { ...next.proxy, listen, stateDirectory } });
      if (failed !== undefined) return log.error(`the old configuration stays: ${failed}`);
      audit.close();
      audit = parts.openAudit(next.proxy.auditFile);
      visits.limit(next.proxy);
      drainMs = next.proxy.drainMs;
      parts.log.setDebug(next.debug);
      log.info('reloaded', { services: next.proxy.services.size, sessions: visits.sessions });
    },
    async stop() {
      isStopping = true;
      log.info('stopping', { sessions: visits.sessions });
      door.close();
      const isWell = await crew.leave(drainMs);
      for (const close of closeAll) close();
      log.info('stopped');
      return isWell;
    },
  };
}

/** What the primary has opened for good. */
function needRestart(now: AgentConfig['proxy'], next: AgentConfig['proxy']): string[] {
  return [
    ...(isDeepStrictEqual(now.listen, next.listen) ? [] : ['sshListenAddr']),
    ...(isDeepStrictEqual(now.metrics, next.metrics) ? [] : ['metricsAddr']),
    ...(now.stateDirectory === next.stateDirectory ? [] : ['stateDirectory']),
  ];
}

function whyNotReady(isStopping: boolean, workers: number): string | undefined {
  if (isStopping) return 'it is shutting down';
  return workers === 0 ? 'no worker is up' : undefined;
}
