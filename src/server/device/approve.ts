import { cleanText } from '../../protocol/clean.ts';
import type { SeenPush } from '../api/device-messages.ts';
import type { DeviceClient } from './device-client.ts';

export interface ApproveOptions {
  readonly client: DeviceClient;
  /** True: yes, it is me. Undefined: there is nobody to ask, or the push was withdrawn. */
  readonly decide: (push: SeenPush, withdrawn: AbortSignal) => Promise<boolean | undefined>;
  readonly say: (line: string) => void;
  /** Stop after one answer. */
  readonly once: boolean;
  /** Waits before the next try after a failed one. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

export type Approved =
  | { readonly kind: 'answered'; readonly isApproved: boolean }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly text: string };

/** A device at work: waits for pushes, shows each, and sends the person's answer. Ends with `signal`, or `once`. */
export async function approve(options: ApproveOptions, signal: AbortSignal): Promise<Approved> {
  const stop = new AbortController();
  const until = AbortSignal.any([signal, stop.signal]);
  let ended: Approved = { kind: 'stopped' };
  let open:
    | { readonly challenge: string; readonly withdraw: AbortController; readonly work: Promise<void> }
    | undefined;
  let pauseMs = firstPauseMs;
  let known: string[] = [];

  while (!until.aborted) {
    const reply = await options.client.pushes(known, until);
    if (until.aborted) break;
    if (reply.kind === 'failed') return { kind: 'failed', text: refusal(reply.reason) };
    if (reply.kind !== 'success') {
      options.say(
        `The server cannot be asked: ${cleanText(reply.kind === 'nonsense' ? 'no TRASA server' : reply.text, 200)}`,
      );
      await options.pause(pauseMs, until);
      pauseMs = Math.min(pauseMs * 2, lastPauseMs);
      continue;
    }
    pauseMs = firstPauseMs;
    known = reply.pushes.map(push => push.challenge);
    if (open !== undefined && !known.includes(open.challenge)) {
      open.withdraw.abort();
      await open.work;
      open = undefined;
    }
    const push = reply.pushes[0]; // a person has one at a time
    if (push === undefined || open !== undefined) continue;
    const withdraw = new AbortController();
    const work = answerOne(options, push, AbortSignal.any([withdraw.signal, signal])).then(answer => {
      if (answer === 'none' || (typeof answer === 'boolean' && !options.once)) return;
      ended = answer === 'nobody' ? nobody : { kind: 'answered', isApproved: answer };
      stop.abort();
    });
    open = { challenge: push.challenge, withdraw, work };
  }
  open?.withdraw.abort();
  await open?.work;
  return ended;
}

const nobody: Approved = { kind: 'failed', text: 'nobody is here to answer (there are --yes, --no and --number)' };

const firstPauseMs = 1_000;
const lastPauseMs = 30_000;

/** What was answered; `none` if it came to no answer, `nobody` if there is nobody to ask. */
async function answerOne(
  { client, decide, say }: ApproveOptions,
  push: SeenPush,
  withdrawn: AbortSignal,
): Promise<boolean | 'none' | 'nobody'> {
  for (const line of describe(push)) say(line);
  const isApproved = await decide(push, withdrawn);
  if (withdrawn.aborted) {
    say('The login was given up, or another device answered.');
    return 'none';
  }
  if (isApproved === undefined) return 'nobody';
  const reply = await client.answer(push.challenge, isApproved);
  if (reply.kind === 'success') {
    say(isApproved ? 'Approved.' : 'Refused.');
    return isApproved;
  }
  say('The answer came too late, or the server did not take it.');
  return 'none';
}

/** What is asked, a line each; whatever came from elsewhere is cleaned. */
export function describe(push: SeenPush): string[] {
  const rows: [string, string][] = [
    ['Account', push.account],
    ['Host', [push.service, push.hostname].filter(Boolean).join(', ')],
    ['From', push.clientAddress],
    ['Command', push.command],
    ['Number', push.number],
    ['Attempt', push.attempt],
  ];
  return [
    'Is this you?',
    ...rows.filter(([, value]) => value !== '').map(([name, value]) => `  ${name.padEnd(8)} ${cleanText(value, 200)}`),
  ];
}

function refusal(reason: string): string {
  return reason === 'DEVICE_NOT_FOUND'
    ? 'the server does not know this device, or the clocks are more than a minute apart'
    : `the server refuses: ${cleanText(reason, 200)}`;
}
