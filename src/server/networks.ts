import { BlockList, isIP } from 'node:net';

/** One CIDR block or single address, v4 or v6, in one spelling. Undefined if it is none. */
export function parseNetwork(text: string): string | undefined {
  const match = /^([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?$/.exec(text.trim());
  const address = match?.[1] ?? '';
  const version = isIP(address);
  const widest = version === 6 ? 128 : 32;
  const prefix = match?.[2] === undefined ? widest : Number(match[2]);
  return version === 0 || prefix > widest ? undefined : `${address.toLowerCase()}/${prefix}`;
}

/** Is the address inside one of the networks? An address that is none is not. IPv4 in IPv6 (::ffff:…) counts as IPv4. */
export function withinNetworks(networks: readonly string[], address: string): boolean {
  const version = isIP(address);
  if (version === 0) return false;
  const list = new BlockList();
  for (const network of networks) {
    const [base = '', prefix = ''] = network.split('/');
    list.addSubnet(base, Number(prefix), family(isIP(base)));
  }
  return list.check(address, family(version));
}

function family(version: number): 'ipv4' | 'ipv6' {
  return version === 6 ? 'ipv6' : 'ipv4';
}
