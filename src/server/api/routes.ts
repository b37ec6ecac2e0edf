import { type Checks } from '../checks.ts';
import { checkconfig } from './checkconfig.ts';
import type { Endpoint } from './endpoint.ts';
import { type IdentityPorts, identity } from './identity.ts';
import { nix } from './nix.ts';
import { pushAnswer } from './push-answer.ts';
import { type PushListPorts, pushList } from './push-list.ts';
import { type TfaPorts, tfa } from './tfa.ts';

export type ApiPorts = Checks & IdentityPorts & TfaPorts & PushListPorts;

/** All that this server answers; each is a POST. Anything else is 404. */
export function routes(ports: ApiPorts): readonly (readonly [path: string, endpoint: Endpoint])[] {
  return [
    ['/auth/agent/nix', nix(ports)],
    ['/api/v1/remote/auth/nix', nix(ports)], // deprecated alias; shipped agents use it
    ['/auth/agent/checkconfig', checkconfig(ports.services)],
    ['/auth/identity', identity(ports)],
    ['/auth/tfa', tfa(ports)],
    ['/api/v1/remote/auth/u2f', pushAnswer(ports.desk, ports.devices)],
    ['/api/v1/remote/pushes', pushList(ports)], // ours
  ];
}
