import { isIP } from 'node:net';

export interface ListenAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** `address:port`, the address of version 6 in brackets. Undefined if it is none; names are not resolved. */
export function parseListen(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+|localhost)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) return undefined;
  return host === 'localhost' || isIP(host) !== 0 ? { host, port } : undefined;
}

/** The address as a URL writes it. */
export function originOf({ address, port }: { readonly address: string; readonly port: number }): string {
  return `https://${isIP(address) === 6 ? `[${address}]` : address}:${port}`;
}
