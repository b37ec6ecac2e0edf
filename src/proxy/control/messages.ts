/** What is said over the control socket: one JSON object a line. One request for each connection. */
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { RunningProxy } from '../../system/proxy-standing.ts';
import type { SessionReport } from '../crew/messages.ts';
import type { KeptOut } from '../door/penalties.ts';

export function controlSocketIn(stateDirectory: string): string {
  return join(stateDirectory, 'control.sock');
}

export type ControlRequest =
  | { readonly ask: 'status' }
  | { readonly ask: 'list' }
  | { readonly ask: 'end'; readonly id: string }
  | { readonly ask: 'watch'; readonly id: string }
  | { readonly ask: 'kept-out' }
  | { readonly ask: 'let-in'; readonly address: string };

export type ControlReply =
  | ({ readonly kind: 'status' } & RunningProxy)
  | { readonly kind: 'sessions'; readonly sessions: readonly SessionReport[]; readonly silent: number }
  | { readonly kind: 'kept-out'; readonly keptOut: readonly KeptOut[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly why: string }
  /** Base64. */
  | { readonly kind: 'output'; readonly data: string }
  | { readonly kind: 'over'; readonly why: string };

export const maxRequestBytes = 1024;

/** Undefined if it is none. */
export function parseRequest(line: string): ControlRequest | undefined {
  const { ask, id, address } = fieldsOf(line);
  if (ask === 'list' || ask === 'status' || ask === 'kept-out') return { ask };
  if (ask === 'let-in' && typeof address === 'string' && isIP(address) !== 0) return { ask, address };
  if ((ask === 'end' || ask === 'watch') && typeof id === 'string' && isSessionId(id)) return { ask, id };
  return undefined;
}

/** A ULID. */
function isSessionId(text: string): boolean {
  return /^[0-9A-Z]{26}$/.test(text);
}

function fieldsOf(line: string): { readonly ask?: unknown; readonly id?: unknown; readonly address?: unknown } {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
