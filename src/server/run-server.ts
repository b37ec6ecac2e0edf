import { once } from 'node:events';
import { isIP } from 'node:net';
import { closeTokens } from '../ca/token.ts';
import type { WriteLine } from './audit.ts';
import { type ListenAddress, originOf } from './listen-address.ts';
import { createServer } from './server.ts';
import type { CaKeepers } from './server-cas.ts';
import { openState } from './state/open-state.ts';
import { givenIdentity, type LoadedIdentity, ownIdentity } from './tls/server-identity.ts';

export interface RunOptions extends ListenAddress {
  /** Of the state. */
  readonly directory: string;
  /** File of the master key; undefined: in the directory. */
  readonly masterKey: string | undefined;
  /** A certificate that somebody made; undefined: the server makes its own. */
  readonly given: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly keepers: CaKeepers;
  /** For the certificate that the server makes: the host's own name, and those that the administrator adds. */
  readonly names: { readonly own: string; readonly more: readonly string[] };
}

export interface RunProblem {
  readonly cause: 'config' | 'unavailable';
  readonly text: string;
}

/** When the server ends. */
export interface RunSignals {
  readonly stop: AbortSignal;
  /** As soon as no push waits. */
  readonly leave: AbortSignal;
}

/** Serves until it is told to end. Returns why it could not start, if it could not. */
export async function runServer(
  options: RunOptions,
  write: WriteLine,
  { stop, leave }: RunSignals,
): Promise<RunProblem | undefined> {
  const { given, directory } = options;
  // Read first: opening the state may give up root's rights.
  const loaded = given === undefined ? undefined : givenIdentity(given.certFile, given.keyFile);
  if (loaded?.kind === 'broken') return { cause: 'config', text: loaded.text };
  const opened = openState(directory, options.masterKey, options.keepers);
  if (opened.kind === 'broken') return { cause: 'config', text: opened.text };
  const { state } = opened;
  try {
    const identity = loaded ?? own(options);
    if (identity.kind === 'broken') return { cause: 'config', text: identity.text };
    const server = createServer({ state, tls: identity, write });
    try {
      const address = await server.listen(options.host, options.port);
      const listening = {
        time: new Date().toISOString(),
        event: 'listening',
        url: originOf(address),
        pin: identity.pin,
      };
      write(JSON.stringify(listening));
      await Promise.race([aborted(stop), aborted(leave).then(() => server.idle())]);
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error && error.syscall === 'listen')) throw error;
      return { cause: 'unavailable', text: error.message };
    } finally {
      await server.close();
    }
    write(JSON.stringify({ time: new Date().toISOString(), event: 'stopped' }));
    return undefined;
  } finally {
    state.close();
    await closeTokens();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

function own({ directory, host, names }: RunOptions): LoadedIdentity {
  const wrong = names.more.find(name => isIP(name) === 0 && !isDnsName(name));
  if (wrong !== undefined) return { kind: 'broken', text: `--hostname ${wrong}: is not a host name or address` };
  const ofHost = isDnsName(names.own) ? [names.own] : [];
  const here = host === '0.0.0.0' || host === '::' || host === 'localhost' ? [] : [host];
  const all = new Set([...names.more, ...ofHost, 'localhost', '127.0.0.1', '::1', ...here]);
  return ownIdentity(directory, [...all], Date.now());
}

function isDnsName(name: string): boolean {
  return (
    name.length <= 253 && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i.test(name)
  );
}
