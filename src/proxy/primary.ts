/** Puts the primary together from its configuration, and opens its door. What it hands on goes to the workers of crew/. */
import type { AgentConfig } from '../config/config.ts';
import { openControl } from './control/control.ts';
import { Crew } from './crew/crew.ts';
import { type Door, openDoor } from './door/door.ts';
import { Visits } from './door/visits.ts';
import { proxyLog } from './log.ts';
import type { PrimaryParts } from './service.ts';

export interface Primary {
  readonly port: number;
  /** Sessions stay under the configuration under which they began. */
  reload(config: AgentConfig): Promise<void>;
  /** @returns whether all ended as it should */
  stop(): Promise<boolean>;
}

/** A string says why it cannot start. */
export async function startPrimary(config: AgentConfig, parts: PrimaryParts): Promise<Primary | string> {
  const { proxy } = config;
  const log = proxyLog(parts.log);
  let audit = parts.openAudit(proxy.auditFile);
  const visits = new Visits(proxy, parts.clock);
  const crew = new Crew(parts, log);
  const trouble = await crew.serve(config);
  if (trouble !== undefined) {
    await crew.leave(0);
    return trouble;
  }
  let { drainMs } = proxy;
  const closeAll: (() => void)[] = [() => audit.close()];
  let door: Door;
  try {
    const control = await openControl(proxy.stateDirectory, crew, { note: event => audit.note(event) }, log);
    closeAll.push(() => control.close());
    door = await openDoor(proxy.listen, visits, (socket, visit) => crew.admit(socket, visit), log);
  } catch (error) {
    for (const close of closeAll) close();
    await crew.leave(0);
    return `cannot listen: ${error instanceof Error ? error.message : String(error)}`;
  }
  const { host = 'every address' } = proxy.listen;
  log.info('ready', { host, port: door.port, services: proxy.services.size, workers: crew.size });
  return {
    port: door.port,
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
      log.info('reloaded', { services: next.proxy.services.size, workers: crew.size, sessions: visits.sessions });
    },
    async stop() {
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
  const isElsewhere = now.listen.host !== next.listen.host || now.listen.port !== next.listen.port;
  return [
    ...(isElsewhere ? ['sshListenAddr'] : []),
    ...(now.stateDirectory === next.stateDirectory ? [] : ['stateDirectory']),
  ];
}
