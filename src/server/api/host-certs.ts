/** Below /api/v1/services/hostcerts: the host keys of services, for administrators. */
import { hostBundle } from '../../ca/host-bundle.ts';
import { parsePublicKeyLine, publicKeyLine } from '../../ssh/key-line.ts';
import { bareHostname } from '../bare-hostname.ts';
import type { Services } from '../store/services.ts';
import type { Turnstile } from '../turnstile.ts';
import { bundleAnswer, type CaPorts, refusal } from './ca.ts';
import { success } from './envelope.ts';
import { parseFields } from './fields.ts';
import type { PersonalEndpoint } from './signed-in.ts';

export interface HostCertPorts extends CaPorts {
  readonly services: Services;
  /** Makes new keys. */
  readonly keyMaking: Turnstile;
}

/** GET …/download/{serviceID}: a new host key and its certificate for the service's host name, as server-certs.zip. */
export function hostCertDownload({ cas, services, keyMaking, now }: HostCertPorts): PersonalEndpoint {
  return async ({ params }, caller) => {
    const service = services.byId(params['serviceID'] ?? '');
    const name = service === undefined ? undefined : bareHostname(service.hostname);
    if (service === undefined || name === undefined)
      return refusal(caller, 'failed to get host principals', intent, 'no such service, or it has no host name');
    const bundle = await keyMaking.pass(
      caller.person.id,
      async () =>
        await cas.issue('host', async issuer => await hostBundle(issuer, [name], 'rsa', forSeconds, now(), service.id)),
    );
    if (bundle === undefined) return refusal(caller, 'too many requests, try again later', intent, '');
    const reason = bundle.kind === 'refused' ? 'could not sign public key' : 'could not get CA key';
    return bundleAnswer(bundle, caller, { name: 'server-certs.zip', reason, intent, service: service.name });
  };
}

/** POST …/update: pins the host key of a service; an empty one takes the pin away. */
export function hostCertUpdate({ services }: Pick<HostCertPorts, 'services'>): PersonalEndpoint {
  return ({ body }, caller) => {
    const fields = parseFields(body, ['serviceID', 'certVal']);
    if (fields === undefined) return refusal(caller, 'invalid request', 'Upload file', '');
    const { serviceID, certVal } = fields;
    const line = certVal === '' ? undefined : parsePublicKeyLine(certVal);
    if (line?.kind === 'malformed')
      return refusal(caller, 'Invalid format. Make sure it is in ssh known hosts format', 'Upload file', line.text);
    const service = services.byId(serviceID);
    if (service === undefined) return refusal(caller, 'Could not update certs', 'UpdateAppCerts', 'no such service');
    services.pinHostKey(serviceID, line && publicKeyLine(line.value.key));
    const detail = line === undefined ? 'unpinned' : 'pinned';
    return {
      envelope: success('successfully updated host key', 'UpdateAppCerts', null),
      audit: { person: caller.person.email, service: service.name, detail },
    };
  };
}

const intent = 'GenerateKeyPair';
/** TRASA's: 30 days. */
const forSeconds = 30 * 86_400;
