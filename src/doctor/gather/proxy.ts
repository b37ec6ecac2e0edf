import { proxyStanding } from '../../system/proxy-standing.ts';
import { unitState } from '../../system/unit.ts';
import type { ExaminedProxy, ProxyFacts } from '../proxy-facts.ts';
import { outdatedProcesses } from './daemon.ts';

export interface ProxyQuestions {
  /** The proxy's; undefined: the usual one. */
  readonly config: string | undefined;
  /** Ask no server. */
  readonly offline: boolean;
  /** Of this program. */
  readonly version: string;
  /** This program, as it is started. */
  readonly self: readonly string[];
}

export const proxyUnit = 'trasa-proxy.service';

export async function gatherProxy({ config, offline, version, self }: ProxyQuestions): Promise<ProxyFacts> {
  const more = ['--examine', ...(offline ? ['--offline'] : [])];
  return {
    nowMs: Date.now(),
    examined: await proxyStanding<ExaminedProxy>({ self, config, more }),
    unit: await unitState(proxyUnit),
    outdated: outdatedProcesses('proxy'),
    version,
  };
}
