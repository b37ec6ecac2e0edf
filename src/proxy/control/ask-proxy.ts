import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { controlSocketIn } from './control.ts';
import type { ControlReply, ControlRequest } from './messages.ts';

/** Asks the proxy that runs with this state directory. What it replies comes as it does; no connection is thrown. */
export async function* askProxy(
  stateDirectory: string,
  request: ControlRequest,
  signal?: AbortSignal,
): AsyncGenerator<ControlReply, void, undefined> {
  const path = controlSocketIn(stateDirectory);
  const socket = connect({ path, ...(signal !== undefined && { signal }) });
  const failed = new Promise<Error | undefined>(resolve => {
    socket.once('error', error => resolve(error));
    socket.once('close', () => resolve(undefined));
  });
  socket.write(`${JSON.stringify(request)}\n`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the proxy's own word
  for await (const line of createInterface({ input: socket })) yield JSON.parse(line) as ControlReply;
  const error = await failed;
  if (error !== undefined && signal?.aborted !== true) throw new Error(`${path}: ${error.message}`, { cause: error });
}
