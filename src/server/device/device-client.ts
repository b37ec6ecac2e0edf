import { randomBytes } from 'node:crypto';
import { answerBody, answerPath, type DeviceReply, pollBody, pushesPath, readReply } from '../api/device-messages.ts';
import { pinnedPost } from '../pinned-request.ts';
import { pollText } from '../push/poll-proof.ts';
import { signText } from '../push/signature.ts';
import type { Device } from './device-file.ts';

export type Reply = DeviceReply | { readonly kind: 'unreachable'; readonly text: string };

/** A device's side of the two endpoints. Nothing here throws for what a server does. */
export interface DeviceClient {
  /** The pushes that wait, as soon as they are others than those known; after half a minute in any case. */
  pushes(known: readonly string[], signal: AbortSignal): Promise<Reply>;
  answer(challenge: string, isApproved: boolean): Promise<Reply>;
}

/** The server holds a poll for 25 s. */
const pollTimeoutMs = 40_000;
const answerTimeoutMs = 15_000;

export function deviceClient({ id, key, pin, server }: Device, now: () => number = Date.now): DeviceClient {
  const send = async (path: string, body: string, signal: AbortSignal): Promise<Reply> => {
    try {
      return readReply(await pinnedPost(server, pin, path, body, signal));
    } catch (error) {
      return { kind: 'unreachable', text: error instanceof Error ? error.message : String(error) };
    }
  };
  return {
    pushes: async (known, signal) => {
      const claim = { device: id, timestamp: String(now()), nonce: randomBytes(16).toString('hex') };
      const body = pollBody({ ...claim, signature: signText(pollText(claim), key) }, known);
      return await send(pushesPath, body, AbortSignal.any([signal, AbortSignal.timeout(pollTimeoutMs)]));
    },
    answer: async (challenge, isApproved) => {
      // Never sign what is not a challenge: the key proves this device in its polls, too.
      if (!/^[0-9a-f]{64}$/.test(challenge)) return { kind: 'nonsense' };
      const body = answerBody(id, challenge, isApproved, signText(challenge, key));
      return await send(answerPath, body, AbortSignal.timeout(answerTimeoutMs));
    },
  };
}
