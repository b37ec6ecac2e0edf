/** Ends of SSH connections that say whatever a test wants, byte for byte, over the transport that the proxy itself uses. */
import { type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { certAlgorithm } from '../../src/proxy/engine/algorithms.ts';
import type { HostKey } from '../../src/proxy/engine/host-keys.ts';
import {
  type Ending,
  engineReady,
  type Role,
  Transport,
  type TransportListener,
  type TransportOptions,
} from '../../src/proxy/engine/transport.ts';
import { keyRequest, serviceRequest } from '../../src/proxy/messages/userauth.ts';
import { encodePublicKey, type PublicKey } from '../../src/ssh/public-key.ts';
import { encodeSignature } from '../../src/ssh/signature.ts';
import { byte, string, uint32 } from '../../src/ssh/wire.ts';
import { until } from '../helpers/e2e/until.ts';
import { newPair } from '../ssh/authority.ts';

export class RawPeer implements TransportListener {
  readonly transport: Transport;
  readonly socket: Socket;
  readonly messages: Buffer[] = [];
  isReady = false;
  asksAtOnce = false;
  ending: Ending | undefined;
  #read = 0;

  constructor(socket: Socket, options: TransportOptions) {
    this.socket = socket;
    this.transport = new Transport(socket, options, this);
  }

  ready(): void {
    this.isReady = true;
    // With NEWKEYS, in one write: as Dropbear and libssh2 do.
    if (this.asksAtOnce) this.send(serviceRequest('ssh-userauth'));
  }

  message(payload: Buffer): 'passed' | void {
    this.messages.push(Buffer.from(payload));
  }

  drained(): void {}

  closed(ending: Ending): void {
    this.ending = ending;
  }

  send(...parts: readonly Buffer[]): void {
    this.transport.send(Buffer.concat(parts));
  }

  /** The next message with one of these numbers; those before it are not looked at again: no two may wait at once. */
  async next(...numbers: readonly number[]): Promise<Buffer> {
    return await until(
      `message ${numbers.join(' or ')}; there were ${this.messages.map(one => one[0]).join(' ')}; ${this.ending?.text}`,
      () => {
        const index = this.messages.findIndex((one, i) => i >= this.#read && numbers.includes(one[0] ?? 0));
        if (index === -1 && this.ending !== undefined) throw new Error(`it ended: ${this.ending.text}`);
        if (index !== -1) this.#read = index + 1;
        return this.messages[index];
      },
    );
  }

  async ended(): Promise<Ending> {
    return await until('the end', () => this.ending);
  }
}

export function newHostKey(): HostKey {
  const { privateKey, key } = newPair();
  return { privateKey, publicKey: key };
}

export interface ClientOptions {
  readonly hostKeyAlgorithms?: readonly string[];
  readonly isTrusted?: (blob: Buffer) => boolean;
  readonly limits?: TransportOptions['limits'];
  /** Asks for authentication in the same write as NEWKEYS. */
  readonly atOnce?: boolean;
  /** An address of this host: 127.0.0.1 if undefined. */
  readonly from?: string;
  /** What is sent first. */
  readonly before?: Buffer;
}

/** A client whose keys are exchanged. */
export async function rawClient(port: number, options: ClientOptions = {}): Promise<RawPeer> {
  await engineReady;
  const { from = '127.0.0.1', before } = options;
  const socket = connect({ port, host: '127.0.0.1', localAddress: from });
  await once(socket, 'connect');
  if (before !== undefined) socket.write(before);
  const { hostKeyAlgorithms = ['ssh-ed25519'], isTrusted = () => true, limits = {} } = options;
  const role: Role = { side: 'client', hostKeyAlgorithms, isTrusted };
  const peer = new RawPeer(socket, { role, ident: 'OpenSSH_9.9', limits });
  peer.asksAtOnce = options.atOnce === true;
  peer.transport.trust();
  await until('the exchange of keys', () => {
    if (peer.ending !== undefined) throw new Error(peer.ending.text);
    return peer.isReady;
  });
  return peer;
}

/** The same with the service of authentication asked for. */
export async function rawStranger(port: number, options?: ClientOptions): Promise<RawPeer> {
  const peer = await rawClient(port, options);
  peer.send(serviceRequest('ssh-userauth'));
  await peer.next(6);
  return peer;
}

export interface RawServer {
  readonly port: number;
  readonly hostKey: HostKey;
  /** The connections so far. */
  readonly peers: RawPeer[];
  stop(): void;
}

/** @param met for each connection, when keys are exchanged */
export async function rawServer(met: (peer: RawPeer) => void = () => {}, hostKey = newHostKey()): Promise<RawServer> {
  await engineReady;
  const peers: RawPeer[] = [];
  const server = createServer(socket => {
    const peer = new RawPeer(socket, { role: { side: 'server', hostKeys: [hostKey] }, ident: 'OpenSSH_9.9' });
    peer.transport.trust();
    peers.push(peer);
    met(peer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    hostKey,
    peers,
    stop: () => {
      server.close();
      for (const { socket } of peers) socket.destroy();
    },
  };
}

export interface Identity {
  readonly privateKey: KeyObject;
  readonly key: PublicKey;
  readonly certificate?: Buffer;
}

/** A publickey request, signed for this connection. */
export function signedRequest(sessionId: Buffer, user: string, { privateKey, key, certificate }: Identity): Buffer {
  const algorithm = certificate === undefined ? key.type : certAlgorithm(key.type);
  const request = keyRequest(user, { algorithm, blob: certificate ?? encodePublicKey(key) });
  const signed = Buffer.concat([string(sessionId), request]);
  return Buffer.concat([request, string(encodeSignature('ssh-ed25519', sign(null, signed, privateKey)))]);
}

/** A question whether a key would do. */
export function keyQuestion(user: string, { key }: Pick<Identity, 'key'>): Buffer {
  const request = keyRequest(user, { algorithm: key.type, blob: encodePublicKey(key) });
  const at = request.indexOf(Buffer.concat([string('publickey'), byte(1)])) + 4 + 'publickey'.length;
  request[at] = 0;
  return request;
}

export function authRequest(user: string, method: string, ...rest: readonly Buffer[]): Buffer {
  return Buffer.concat([byte(50), ...[user, 'ssh-connection', method].map(string), ...rest]);
}

export function keyboardInteractive(user: string): Buffer {
  return authRequest(user, 'keyboard-interactive', string(''), string(''));
}

export function infoResponse(...answers: readonly string[]): Buffer {
  return Buffer.concat([byte(61), uint32(answers.length), ...answers.map(string)]);
}

/** Both factors: the key, and a code for the question that follows. What comes of it is still to be read. */
export async function answerBoth(peer: RawPeer, user: string, identity: Identity): Promise<void> {
  peer.send(signedRequest(peer.transport.sessionId, user, identity));
  await peer.next(51);
  peer.send(keyboardInteractive(user));
  await peer.next(60);
  peer.send(infoResponse('123456'));
}
