/** What a push device and the server say to each other, as JSON; both sides are ours (PROTOCOL.md, part 2). */
import { isObject, type JsonObject, parseObject } from '../json.ts';
import type { PollProof } from '../push/poll-proof.ts';
import type { Push } from '../push/push-desk.ts';

export const pushesPath = '/api/v1/remote/pushes';
export const answerPath = '/api/v1/remote/auth/u2f';

/** A push as a device sees it. Texts are as they came: clean them before they are shown. */
export interface SeenPush {
  readonly challenge: string;
  readonly account: string;
  readonly service: string;
  readonly hostname: string;
  readonly clientAddress: string;
  readonly number: string;
  readonly command: string;
  readonly attempt: string;
}

export function pollBody({ device, timestamp, nonce, signature }: PollProof, known: readonly string[]): string {
  return JSON.stringify({ deviceId: device, timestamp, nonce, signature, known: known.join(' ') });
}

export function answerBody(device: string, challenge: string, isApproved: boolean, signature: string): string {
  return JSON.stringify({
    answer: isApproved ? 'YES' : 'NO',
    challenge,
    deviceId: device,
    signature,
    deviceInfo: '{}', // TRASA expects a JSON text here
  });
}

export function pushMessage({ challenge, facts }: Push): object {
  const { account, service, hostname, clientAddress, number, command, keyFingerprint, door, tty, attempt } = facts;
  const time = new Date(facts.askedAt).toISOString();
  return {
    challenge,
    user: account,
    serviceName: service,
    hostname,
    userIP: clientAddress,
    pushNumber: number,
    command,
    keyFingerprint,
    door,
    tty,
    attempt,
    time,
  };
}

export type DeviceReply =
  | { readonly kind: 'success'; readonly pushes: readonly SeenPush[] }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'nonsense' };

/** Reads either answer; the one to an answer has no pushes. */
export function readReply(body: string): DeviceReply {
  const envelope = parseObject(body);
  if (envelope?.['status'] === 'failed') return { kind: 'failed', reason: textOf(envelope['reason']) };
  if (envelope?.['status'] !== 'success') return { kind: 'nonsense' };
  const data = listOf(envelope['data'])[0];
  const messages = listOf(isObject(data) ? data['pushes'] : undefined);
  return { kind: 'success', pushes: messages.filter(isObject).map(seenPush) };
}

function seenPush(message: JsonObject): SeenPush {
  return {
    challenge: textOf(message['challenge']),
    account: textOf(message['user']),
    service: textOf(message['serviceName']),
    hostname: textOf(message['hostname']),
    clientAddress: textOf(message['userIP']),
    number: textOf(message['pushNumber']),
    command: textOf(message['command']),
    attempt: textOf(message['attempt']),
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
