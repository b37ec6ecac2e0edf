import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { RunningProxy } from '../../system/proxy-standing.ts';
import type { SessionReport } from '../crew/messages.ts';
import type { KeptOut } from '../door/penalties.ts';
import { type ControlReply, type ControlRequest, controlSocketIn } from './messages.ts';

/** Nobody answers on the control socket, or not us. */
export class NoProxyError extends Error {
  override readonly name = 'NoProxyError';
}

/**
 * Asks the proxy that runs with this state directory; what it replies comes as it does. Throws {@link NoProxyError}.
 *
 * @param signal ends it
 */
export async function* askProxy(
  stateDirectory: string,
  request: ControlRequest,
  signal?: AbortSignal,
): AsyncGenerator<ControlReply, void, undefined> {
  const path = controlSocketIn(stateDirectory);
  const socket = connect({ path, ...(signal !== undefined && { signal }) });
  socket.write(`${JSON.stringify(request)}\n`);
  let isAnswered = false;
  try {
    for await (const line of createInterface({ input: socket })) {
      isAnswered = true;
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the proxy's own word
      yield JSON.parse(line) as ControlReply;
    }
  } catch (error) {
    if (signal?.aborted === true) return;
    throw new NoProxyError(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  if (signal?.aborted === true) return;
  if (!isAnswered) throw new NoProxyError(`${path}: the proxy answers its own user and root only`);
}

/** Throws {@link NoProxyError}, also where the proxy that runs is of a release that does not know the question. */
export async function proxyStatus(stateDirectory: string, signal: AbortSignal): Promise<RunningProxy> {
  for await (const reply of askProxy(stateDirectory, { ask: 'status' }, signal))
    if (reply.kind === 'status') return reply;
  throw new NoProxyError(
    signal.aborted ? 'the proxy does not answer' : 'the proxy does not say: one of another release runs',
  );
}

export async function listSessions(
  stateDirectory: string,
): Promise<{ readonly sessions: readonly SessionReport[]; readonly silent: number }> {
  for await (const reply of askProxy(stateDirectory, { ask: 'list' })) if (reply.kind === 'sessions') return reply;
  throw new NoProxyError('the proxy does not say');
}

/** @returns why it cannot be */
export async function endSession(stateDirectory: string, id: string): Promise<string | undefined> {
  return await refusalOf(stateDirectory, { ask: 'end', id });
}

/** The addresses that are kept out for a while. */
export async function listKeptOut(stateDirectory: string): Promise<readonly KeptOut[]> {
  for await (const reply of askProxy(stateDirectory, { ask: 'kept-out' }))
    if (reply.kind === 'kept-out') return reply.keptOut;
  throw new NoProxyError('the proxy does not say');
}

/** @param address as it is listed, too. @returns why it cannot be */
export async function letIn(stateDirectory: string, address: string): Promise<string | undefined> {
  return await refusalOf(stateDirectory, { ask: 'let-in', address: address.replace(/\/64$/, '') });
}

async function refusalOf(stateDirectory: string, request: ControlRequest): Promise<string | undefined> {
  for await (const reply of askProxy(stateDirectory, request)) if (reply.kind === 'refused') return reply.why;
  return undefined;
}
