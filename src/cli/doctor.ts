import { checkProxy } from '../doctor/checks/proxy.ts';
import { examine } from '../doctor/examine.ts';
import { inOrder } from '../doctor/finding.ts';
import { gather, type Questions } from '../doctor/gather/gather.ts';
import { gatherProxy } from '../doctor/gather/proxy.ts';
import { asJson, asText, statusOf } from '../doctor/report.ts';
import { exitStatus } from '../policy/refusals.ts';
import { partsInUse, thisProgram } from './parts.ts';

interface Arguments extends Omit<Questions, 'self'> {
  readonly json: boolean;
  /** The proxy alone; `config` is its own then. */
  readonly proxy: boolean;
}

/** `trasa-agent doctor`: looks at this host, and says what is wrong with it. Returns the exit status. */
export async function doctor({ json, proxy: proxyAlone, ...questions }: Arguments): Promise<number> {
  if (process.geteuid?.() !== 0) {
    process.stderr.write('trasa-agent: doctor looks where only root may: run it as root\n');
    return exitStatus.noPermission;
  }
  const { config, offline, version } = questions;
  const self = thisProgram();
  const parts = proxyAlone ? { host: false, proxy: true } : partsInUse(config);
  const host = parts.host ? await gather({ ...questions, self }) : undefined;
  const proxyConfig = proxyAlone ? config : undefined;
  const proxy = parts.proxy ? await gatherProxy({ config: proxyConfig, offline, version, self }) : undefined;
  const ofHost = host === undefined ? [] : examine(host);
  const findings = inOrder([...ofHost, ...(proxy === undefined ? [] : checkProxy(proxy))]);
  process.stdout.write(json ? asJson(findings) : asText(findings, { host, proxy }));
  return statusOf(findings);
}
