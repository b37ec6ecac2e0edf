import type { PushDesk } from '../push/push-desk.ts';
import { isSignedBy } from '../push/signature.ts';
import type { PushDevices } from '../store/push-devices.ts';
import type { Endpoint } from './endpoint.ts';
import { failed, success } from './envelope.ts';
import { parseFields } from './fields.ts';

/**
 * POST /api/v1/remote/auth/u2f: a device's answer to a push.
 *
 * In the original any answer with a known challenge ends the push. Here one that is not from a device of that person,
 * or not signed by it, is refused and the push goes on waiting: a stranger can neither approve it nor make it fail.
 */
export function pushAnswer(desk: PushDesk, devices: PushDevices): Endpoint {
  return ({ body }) => {
    const fields = parseFields(body, ['answer', 'challenge', 'deviceId', 'signature', 'deviceInfo']);
    if (fields === undefined) return { envelope: failed('invalid request', 'U2FHandle', null), audit: {} };
    const { answer, challenge, deviceId, signature } = fields;
    const push = desk.find(challenge);
    const audit = { device: deviceId, attempt: push?.facts.attempt, detail: answer };
    if (push === undefined || (answer !== 'YES' && answer !== 'NO'))
      return { envelope: failed('invalid request', ''), audit };

    const device = push.devices.includes(deviceId) ? devices.byId(deviceId) : undefined;
    if (device === undefined) return { envelope: failed('DEVICE_NOT_FOUND', ''), audit };
    if (!isSignedBy(device.publicKey, challenge, signature)) return { envelope: failed('U2F_FAILED', ''), audit };

    desk.answer(challenge, deviceId, answer === 'YES' ? 'approved' : 'refused');
    return { envelope: success('', ''), audit };
  };
}
