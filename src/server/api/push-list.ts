import type { PollProofs } from '../push/poll-proof.ts';
import type { PushDesk, Timer } from '../push/push-desk.ts';
import type { PushDevices } from '../store/push-devices.ts';
import { pushMessage } from './device-messages.ts';
import type { Endpoint } from './endpoint.ts';
import { failed, success } from './envelope.ts';
import { parseFields } from './fields.ts';

export interface PushListPorts {
  readonly desk: PushDesk;
  readonly devices: PushDevices;
  readonly proofs: PollProofs;
  readonly timer: Timer;
  readonly now: () => number;
}

/** Longest wait of one request. */
const waitMs = 25_000;
/** Requests of one device that wait at once: one, and the one that takes its place after a lost connection. */
const maxWaiting = 2;

/**
 * POST /api/v1/remote/pushes (not TRASA's): the pushes that wait for a device. Answers as soon as they are others than
 * the device knows, and after 25 s at the latest.
 */
export function pushList({ desk, devices, proofs, timer, now }: PushListPorts): Endpoint {
  const waiting = new Map<string, number>();

  return async ({ body, gone }) => {
    const fields = parseFields(body, ['deviceId', 'timestamp', 'nonce', 'signature', 'known']);
    if (fields === undefined) return { envelope: failed('invalid request', ''), audit: {} };
    const { deviceId, timestamp, nonce, signature, known } = fields;
    const device = devices.byId(deviceId);
    const proof = { device: deviceId, timestamp, nonce, signature };
    if (device === undefined || !proofs.accept(proof, device.publicKey, now()))
      return { envelope: failed('DEVICE_NOT_FOUND', ''), audit: { device: deviceId } };
    const others = waiting.get(deviceId) ?? 0;
    if (others >= maxWaiting)
      return { envelope: failed('too many requests of this device', ''), audit: { device: deviceId } };

    const deadline = new AbortController();
    const callOff = timer(waitMs, () => deadline.abort());
    waiting.set(deviceId, others + 1);
    try {
      await desk.change(deviceId, known.split(' ').filter(Boolean), AbortSignal.any([gone, deadline.signal]));
    } finally {
      callOff();
      const left = (waiting.get(deviceId) ?? 1) - 1;
      if (left === 0) waiting.delete(deviceId);
      else waiting.set(deviceId, left);
    }
    return { envelope: success('', '', [{ pushes: desk.pushesFor(deviceId).map(pushMessage) }]), audit: undefined };
  };
}
