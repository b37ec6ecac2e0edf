import { cataloguePath, vaultPath } from '../../trasa/catalogue.ts';
import { type Checks } from '../checks.ts';
import type { Method } from '../http.ts';
import { caDownload, caInit, caList } from './ca.ts';
import { checkconfig } from './checkconfig.ts';
import type { Endpoint } from './endpoint.ts';
import { type HostCertPorts, hostCertDownload, hostCertUpdate } from './host-certs.ts';
import { hostReport } from './host-report.ts';
import { type IdentityPorts, identity } from './identity.ts';
import { krl } from './krl.ts';
import { myKey } from './my-key.ts';
import { nix } from './nix.ts';
import { type ProxyPorts, proxyCatalogue, proxyVault } from './proxy.ts';
import { pushAnswer } from './push-answer.ts';
import { type PushListPorts, pushList } from './push-list.ts';
import { type RenewPorts, renew, renewalChallenge } from './renew.ts';
import { forAdmin, forPerson } from './signed-in.ts';
import { type TfaPorts, tfa } from './tfa.ts';

export type ApiPorts = Checks & IdentityPorts & TfaPorts & PushListPorts & HostCertPorts & RenewPorts & ProxyPorts;

type Route = readonly [method: Method, path: string, endpoint: Endpoint];

/** All that this server answers. Anything else is 404. */
export function routes(ports: ApiPorts): readonly Route[] {
  return [
    ['POST', '/auth/agent/nix', nix(ports)],
    ['POST', '/api/v1/remote/auth/nix', nix(ports)], // deprecated alias; shipped agents use it
    ['POST', '/auth/agent/checkconfig', checkconfig(ports.services)],
    ['POST', '/auth/identity', identity(ports)],
    ['POST', '/auth/tfa', tfa(ports)],
    ['POST', '/api/v1/remote/auth/u2f', pushAnswer(ports.desk, ports.devices)],
    ['POST', '/api/v1/remote/pushes', pushList(ports)], // ours
    ['GET', '/ca/krl', krl(ports)], // ours
    ['POST', '/ca/renew/challenge', renewalChallenge(ports)], // ours
    ['POST', '/ca/renew', renew(ports)], // ours
    ['POST', '/ca/report', hostReport(ports)], // ours
    ['POST', cataloguePath, proxyCatalogue(ports)], // ours
    ['POST', vaultPath, proxyVault(ports)], // ours
    ['POST', '/api/v1/providers/ca/tsxca/ssh/init/:type', forAdmin(ports, caInit(ports))],
    ['GET', '/api/v1/providers/ca/tsxca/ssh/:type', forAdmin(ports, caDownload(ports))],
    ['GET', '/api/v1/providers/ca/tsxca/all', forAdmin(ports, caList(ports))],
    ['GET', '/api/v1/services/hostcerts/download/:serviceID', forAdmin(ports, hostCertDownload(ports))],
    ['POST', '/api/v1/services/hostcerts/update', forAdmin(ports, hostCertUpdate(ports))],
    ['POST', '/api/v1/my/generatekey', forPerson(ports, myKey(ports))],
  ];
}
