import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readSafely } from '../../host/safe-open.ts';
import type { Secret } from '../../otp/secret.ts';
import { parseObject } from '../json.ts';

/** A push device of one person: its key, and where its server is. */
export interface Device {
  readonly server: URL;
  /** `sha256//…` of the server's key; undefined: the system's CAs vouch for it. */
  readonly pin: string | undefined;
  readonly id: string;
  readonly person: string;
  readonly key: KeyObject;
}

export type ReadDevice =
  | { readonly kind: 'device'; readonly device: Device }
  | { readonly kind: 'broken'; readonly text: string };

export function readDevice(file: string): ReadDevice {
  const read = readSafely(file, { maxBytes: 65_536, secret: true });
  if (read.kind === 'refused') return { kind: 'broken', text: `${file}: ${read.problem.text}` };
  const device = parse(read.text);
  return device === undefined
    ? { kind: 'broken', text: `${file}: is not a device file of trasa-agent server enrol push` }
    : { kind: 'device', device };
}

/** @param privateKey PEM */
export function deviceText(device: Omit<Device, 'key'>, privateKey: Secret): string {
  const { server, pin, id, person } = device;
  return `${JSON.stringify({ server: server.origin, pin, id, person, privateKey: privateKey.expose() }, null, 2)}\n`;
}

function parse(text: string): Device | undefined {
  const { server, pin, id, person, privateKey } = parseObject(text) ?? {};
  if (typeof server !== 'string' || typeof id !== 'string' || typeof person !== 'string') return undefined;
  if (typeof privateKey !== 'string' || (pin !== undefined && typeof pin !== 'string')) return undefined;
  const url = URL.parse(server);
  if (url?.protocol !== 'https:') return undefined;
  try {
    return { server: url, pin, id, person, key: createPrivateKey(privateKey) };
  } catch {
    return undefined;
  }
}
