/**
 * What a balancer says before the first byte of the client: the PROXY protocol, versions 1 and 2, for TCP alone. Strict:
 * whatever is not to the letter is malformed, for the address that it gives is believed in all that follows.
 */
import { isIPv4, isIPv6 } from 'node:net';

export type ProxyHeader =
  /** `length`: the bytes of it; what follows is the client's. */
  | { readonly kind: 'client'; readonly address: string; readonly length: number }
  /** It speaks for itself: to see whether we are well. */
  | { readonly kind: 'balancer'; readonly length: number }
  | { readonly kind: 'unfinished' }
  | { readonly kind: 'malformed'; readonly why: string };

export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, signature)) return parseBinary(bytes);
  if (startsLike(bytes, textStart)) return parseText(bytes);
  return malformed('neither version begins like this');
}

/** Whole, or as far as it has come. */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

const textStart = Buffer.from('PROXY ');
const maxTextBytes = 107;

function parseText(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, maxTextBytes).indexOf('\r\n');
  if (end === -1) return bytes.length < maxTextBytes ? unfinished : malformed('the line has no end');
  const length = end + 2;
  const [, protocol = '', ...rest] = bytes.subarray(0, end).toString('latin1').split(' ');
  if (protocol === 'UNKNOWN') return { kind: 'balancer', length };
  const isAddress = new Map([
    ['TCP4', isIPv4],
    ['TCP6', isPlainIPv6],
  ]).get(protocol);
  const [source = '', destination = '', ...ports] = rest;
  if (isAddress === undefined) return malformed('the protocol is neither TCP4 nor TCP6');
  if (!isAddress(source) || !isAddress(destination)) return malformed('an address is none');
  if (ports.length !== 2 || !ports.every(isPort)) return malformed('a port is none');
  return { kind: 'client', address: inOneSpelling(source), length };
}

/** Without a zone, which is a name of somebody else's interfaces. */
function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) < 65_536;
}

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Extensions included, of which we read none. */
const maxBinaryBytes = 2048;

function parseBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < 16) return unfinished;
  const [command = 0, family = 0] = bytes.subarray(12, 14);
  const length = 16 + bytes.readUInt16BE(14);
  if (command !== 0x20 && command !== 0x21) return malformed('the version or the command is none');
  if (length > maxBinaryBytes) return malformed('it is too long');
  const addressBytes = new Map([
    [0x11, 4],
    [0x21, 16],
  ]).get(family);
  // Another family may be all right for the balancer; here nobody would know who comes.
  if (command === 0x21 && addressBytes === undefined) return malformed('the connection is not of TCP');
  if (command === 0x21 && length < 16 + 2 * (addressBytes ?? 0) + 4) return malformed('it is too short');
  if (bytes.length < length) return unfinished;
  if (command === 0x20) return { kind: 'balancer', length };
  return { kind: 'client', address: inOneSpelling(addressIn(bytes.subarray(16, 16 + (addressBytes ?? 0)))), length };
}

function addressIn(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16)).join(':');
}

/** As the kernel spells it (RFC 5952); IPv4 in IPv6 is IPv4. */
function inOneSpelling(address: string): string {
  if (isIPv4(address)) return address;
  const spelt = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(spelt) ?? [];
  if (high === undefined || low === undefined) return spelt;
  const value = Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map(shift => (value >>> shift) & 255).join('.');
}

const unfinished: ProxyHeader = { kind: 'unfinished' };

function malformed(why: string): ProxyHeader {
  return { kind: 'malformed', why };
}
