/**
 * Networks as CIDR blocks: those of the critical option source-address, comma separated, as sshd reads them (addrmatch.c),
 * and those of policies.
 */

interface Block {
  readonly bits: 32 | 128;
  readonly address: bigint;
  readonly prefix: number;
}

/** Undefined unless all of the list is good. */
export function parseAddressList(list: string): readonly Block[] | undefined {
  if (list.length > maxLength) return undefined;
  const blocks = list.split(',').map(parseBlock).filter(isDefined);
  return blocks.length === list.split(',').length && blocks.every(isWhole) ? blocks : undefined;
}

/** Is the address in one of the blocks? An address that is none is not. IPv4 in IPv6 (::ffff:…) counts as IPv4. */
export function isWithin(blocks: readonly Block[], text: string): boolean {
  const address = parseAddress(text);
  if (address === undefined) return false;
  return blocks.some(block => block.bits === address.bits && isSameNetwork(block, address.value));
}

/** One block or single address in one spelling, `base/prefix`. Undefined if it is none. Bits below the mask do not count. */
export function parseNetwork(text: string): string | undefined {
  const [base = ''] = text.trim().toLowerCase().split('/');
  const block = parseBlock(text.trim());
  return block === undefined ? undefined : `${base}/${block.prefix}`;
}

/** {@link isWithin} for networks in the spelling of {@link parseNetwork}. */
export function withinNetworks(networks: readonly string[], address: string): boolean {
  return isWithin(networks.map(parseBlock).filter(isDefined), address);
}

const maxLength = 8192;

/** sshd refuses all of a list in which a block has bits below its mask. */
function isWhole(block: Block): boolean {
  return (block.address & hostMask(block)) === 0n;
}

function isDefined(block: Block | undefined): block is Block {
  return block !== undefined;
}

function parseBlock(text: string): Block | undefined {
  const [, base = '', digits] = /^([0-9a-fA-F:.]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  const address = base.includes(':') ? parseV6(base) : parseV4(base);
  const bits = base.includes(':') ? 128 : 32;
  if (address === undefined) return undefined;
  const prefix = digits === undefined ? bits : Number(digits);
  return prefix <= bits ? { bits, address, prefix } : undefined;
}

function hostMask({ bits, prefix }: { readonly bits: number; readonly prefix: number }): bigint {
  return (1n << BigInt(bits - prefix)) - 1n;
}

function isSameNetwork(block: Block, address: bigint): boolean {
  return (address | hostMask(block)) === (block.address | hostMask(block));
}

const mapped = 0xffffn; // ::ffff:0:0/96 (RFC 4291 §2.5.5.2)

function parseAddress(text: string): { readonly bits: 32 | 128; readonly value: bigint } | undefined {
  if (!text.includes(':')) {
    const value = parseV4(text);
    return value === undefined ? undefined : { bits: 32, value };
  }
  const value = parseV6(text);
  if (value === undefined) return undefined;
  return value >> 32n === mapped ? { bits: 32, value: value & 0xffff_ffffn } : { bits: 128, value };
}

/** Four decimal numbers, without leading zeros, which some take for octal. */
function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every(part => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

/** RFC 4291 §2.2, without a zone. */
function parseV6(text: string): bigint | undefined {
  const embedded = /^(.*:)(\d[\d.]*\.\d+)$/.exec(text);
  const v4 = embedded === null ? undefined : parseV4(embedded[2] ?? '');
  if (embedded !== null && v4 === undefined) return undefined;
  const plain =
    v4 === undefined ? text : `${embedded?.[1] ?? ''}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
  const [head = '', tail, ...more] = plain.split('::');
  if (more.length > 0) return undefined;
  const [left, right] = [groups(head), tail === undefined ? [] : groups(tail)];
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...left, ...Array.from({ length: missing }, () => '0'), ...right];
  if (!all.every(group => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return all.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

function groups(text: string): string[] {
  return text === '' ? [] : text.split(':');
}
