import type { Services } from '../store/services.ts';
import type { Endpoint } from './endpoint.ts';
import { failed, success } from './envelope.ts';
import { parseFields } from './fields.ts';

/** POST /auth/agent/checkconfig: are these credentials good? Says on success what this server has beyond TRASA. */
export function checkconfig(services: Services): Endpoint {
  return ({ body }) => {
    const fields = parseFields(body, ['serviceID', 'serviceKey']);
    if (fields === undefined) return { envelope: failed('service config check failed', '', null), audit: {} };
    const { serviceID, serviceKey } = fields;
    if (services.byId(serviceID) === undefined)
      return { envelope: failed('invalid service ID', refusedIntent, null), audit: {} };
    const service = services.authenticate(serviceID, serviceKey);
    if (service === undefined)
      return { envelope: failed('invalid service secret or ID', refusedIntent), audit: { service: serviceID } };
    return {
      envelope: success('valid integration data', 'service config check successful', [{ capabilities }]),
      audit: { service: service.name },
    };
  };
}

const refusedIntent = 'service config check failed';

/** PROTOCOL.md, part 2. A TRASA server announces nothing. */
const capabilities = { pushNumber: true, cancelOnClose: true, pushAnswer: true, attemptEcho: true } as const;
