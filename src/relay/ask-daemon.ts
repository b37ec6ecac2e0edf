/**
 * A door's side of the protocol: hands the facts to the daemon, plays the dialogue, and brings back the decision.
 *
 * Whatever goes wrong on the way is `unavailable`, and an unavailable daemon lets nobody in. Part of the login path:
 * nothing but node:net and timers is loaded.
 */
import type { Socket } from 'node:net';
import type { Conversation } from '../auth/conversation.ts';
import { refusals } from '../policy/refusals.ts';
import { decodeDaemonMessage, encodeDoorMessage, overlongFact } from '../protocol/codec.ts';
import { LineSplitter } from '../protocol/line.ts';
import type { AttemptMessage, DaemonMessage, DecisionMessage } from '../protocol/messages.ts';
import { Exchange } from '../protocol/states.ts';
import { connectTo, usualPausesMs } from './connect.ts';
import { Questions } from './questions.ts';
import { openRecordChannel, type RecordChannel } from './record-channel.ts';

export interface Request {
  /** Path of the daemon's socket. */
  readonly socket: string;
  readonly attempt: AttemptMessage;
  readonly conversation: Conversation;
  /** Ends the login from outside; its reason is `cancelled` or `disconnected`. */
  readonly signal: AbortSignal;
  /** For all of it, in milliseconds. Longer than any login the daemon allows: the daemon's own deadline says why. */
  readonly deadlineMs?: number;
  /** Before each further try to reach a daemon whose queue is full. */
  readonly pausesMs?: readonly number[];
}

export type Reply =
  /** `recording` is there if, and only if, the decision asks for a recording: the connection is still open then. */
  | { readonly kind: 'decided'; readonly decision: DecisionMessage; readonly recording?: RecordChannel }
  | { readonly kind: 'unavailable'; readonly detail: string };

const defaultDeadlineMs = 660_000;
/** How long the daemon may take to confirm that a login was given up. */
const farewellMs = 1_000;
/** More messages than any dialogue needs. */
const maxMessages = 1_000;

export async function askDaemon(request: Request): Promise<Reply> {
  const tooLong = overlongFact(request.attempt);
  if (tooLong !== undefined) return unavailable(`${tooLong} is too long`);

  if (request.signal.aborted) return givenUp(endingOf(request.signal));
  const socket = await connectTo(request.socket, request.pausesMs ?? usualPausesMs, request.signal);
  if (socket instanceof Error)
    return request.signal.aborted
      ? givenUp(endingOf(request.signal))
      : unavailable(`${request.socket}: ${socket.message}`);
  const exchange = new Exchange();
  const lines = new LineSplitter();
  const { promise, resolve } = Promise.withResolvers<Reply>();

  const questions = new Questions(request.conversation, message => {
    if (message.kind === 'cancel') giveUp('cancelled');
    else if (exchange.fromDoor(message) === 'taken') socket.write(encodeDoorMessage(message));
  });
  const giveUp = (reason: 'cancelled' | 'disconnected'): void => {
    if (reason === 'disconnected' || exchange.fromDoor({ kind: 'cancel' }) !== 'taken') return resolve(givenUp(reason));
    socket.write(encodeDoorMessage({ kind: 'cancel' }));
    const farewell = setTimeout(() => resolve(givenUp(reason)), farewellMs);
    void promise.then(() => clearTimeout(farewell));
  };
  const onAbort = (): void => giveUp(endingOf(request.signal));

  const receive = (message: DaemonMessage): void => {
    const verdict = exchange.fromDaemon(message);
    if (verdict === 'refused') resolve(unavailable(`unexpected ${message.kind} from the daemon`));
    if (verdict === 'taken') handle(message);
  };
  const handle = (message: DaemonMessage): void => {
    switch (message.kind) {
      case 'info':
        return request.conversation.textInfo(message.text);
      case 'error':
        return request.conversation.errorMsg(message.text);
      case 'prompt':
        return questions.ask(message);
      case 'withdraw':
        return questions.withdraw();
      case 'decision':
        return resolve({ kind: 'decided', decision: message });
      case 'recorded': // the state table allows it later only
    }
  };
  let messages = 0;
  const onData = (chunk: Buffer): void => {
    const { lines: texts, overlong } = lines.push(chunk);
    for (const text of texts) {
      const message = decodeDaemonMessage(text);
      if (message === undefined || ++messages > maxMessages)
        return resolve(unavailable('the daemon is not understood'));
      receive(message);
    }
    if (overlong) resolve(unavailable('an endless line from the daemon'));
  };
  const onEnd = (): void => resolve(unavailable('the daemon closed the connection'));
  const onError = (error: Error): void => resolve(unavailable(`${request.socket}: ${error.message}`));

  socket.on('error', () => {}); // also after the end, when nobody is interested any more
  socket.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onError);
  const deadline = setTimeout(
    () => resolve(unavailable('no decision in time')),
    request.deadlineMs ?? defaultDeadlineMs,
  );
  request.signal.addEventListener('abort', onAbort, { once: true });
  if (request.signal.aborted) onAbort();
  else if (exchange.fromDoor(request.attempt) === 'taken') socket.write(encodeDoorMessage(request.attempt));

  const reply = await promise;
  clearTimeout(deadline);
  request.signal.removeEventListener('abort', onAbort);
  socket.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onError);
  await questions.stop();
  return conclude(reply, socket);
}

/** Closes the connection, unless it goes on as a recording. */
function conclude(reply: Reply, socket: Socket): Reply {
  if (reply.kind === 'decided' && reply.decision.record) return { ...reply, recording: openRecordChannel(socket) };
  socket.destroy();
  return reply;
}

function endingOf(signal: AbortSignal): 'cancelled' | 'disconnected' {
  return signal.reason === 'disconnected' ? 'disconnected' : 'cancelled';
}

function unavailable(detail: string): Reply {
  return { kind: 'unavailable', detail };
}

/** The login was given up here, and the daemon did not confirm it. */
function givenUp(reason: 'cancelled' | 'disconnected'): Reply {
  const { says, exit, pam } = refusals[reason];
  const decision: DecisionMessage = {
    kind: 'decision',
    verdict: 'deny',
    reason,
    id: '',
    text: says,
    exit,
    pam,
    motd: false,
    record: false,
    sftp: '',
  };
  return { kind: 'decided', decision };
}
