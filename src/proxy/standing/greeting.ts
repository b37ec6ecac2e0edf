import { connect, isIPv6 } from 'node:net';
import type { ListenAddress } from '../../config/proxy-options.ts';
import { cleanText } from '../../protocol/clean.ts';
import { isWithin, parseAddressList } from '../../ssh/source-address.ts';
import type { Greeting } from '../../system/proxy-standing.ts';

const maxBytes = 255; // RFC 4253 §4.2

/**
 * What whoever comes to the proxy reads first. Nothing is said there, but that we speak for ourselves where a balancer's
 * header is waited for; the proxy takes us for somebody who has thought better of it.
 *
 * @param balancers CIDR blocks, as `proxyProtocolFrom` has them
 */
export async function greetingAt(listen: ListenAddress, balancers: string, withinMs: number): Promise<Greeting> {
  const host = reachable(listen.host);
  const { port } = listen;
  const address = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const { promise, resolve } = Promise.withResolvers<Omit<Greeting, 'address'>>();
  const socket = connect({ host, port });
  const timer = setTimeout(() => resolve({ line: null, trouble: `says nothing within ${withinMs} ms` }), withinMs);
  let heard = '';
  socket.setEncoding('latin1');
  socket.on('connect', () => {
    if (isWithin(parseAddressList(balancers) ?? [], socket.localAddress ?? '')) socket.write('PROXY UNKNOWN\r\n');
  });
  socket.on('data', (text: string) => {
    heard += text;
    const [line = '', ...rest] = heard.split('\n');
    if (rest.length > 0 || heard.length > maxBytes) resolve(judged(cleanText(line.trimEnd(), maxBytes)));
  });
  socket.on('error', error => resolve({ line: null, trouble: error.message }));
  socket.on('close', () => resolve({ line: null, trouble: 'closes the connection without a word' }));
  const greeting = await promise;
  clearTimeout(timer);
  socket.destroy();
  return { address, ...greeting };
}

/** By loopback, where the proxy listens at every address. */
function reachable(host: string | undefined): string {
  if (host === undefined || host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function judged(line: string): Omit<Greeting, 'address'> {
  const isOurs = line.startsWith('SSH-2.0-trasa_');
  return { line, trouble: isOurs ? null : `somebody else answers there: ${line}` };
}
