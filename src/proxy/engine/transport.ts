/**
 * One leg of a connection: SSH's transport layer (RFC 4253), by ssh2, and nothing above it. Messages that belong to a
 * service come and go as payloads.
 *
 * What ssh2 leaves open is closed here: how much may come before authentication and how long it may take, rekeying by
 * volume and time, what waits to be sent, and fairness between connections.
 */
import type { Duplex } from 'node:stream';
import crypto from 'ssh2/lib/protocol/crypto.js';
import Protocol from 'ssh2/lib/protocol/Protocol.js';
import utils from 'ssh2/lib/protocol/utils.js';
import { string, uint32 } from '../../ssh/wire.ts';
import { bye, msg } from '../messages/numbers.ts';
import { offerOf } from './algorithms.ts';
import { type HostKey, signersOf } from './host-keys.ts';
import { Identification } from './identification.ts';
import { nativeCiphers } from './native-ciphers.ts';
import { Outbox } from './outbox.ts';
import { discard, PacketOpener, PacketSealer, ProtocolError, packetCipher } from './packets.ts';

/** To be awaited once, before the first connection. */
export const engineReady: Promise<void> = crypto.init;

export type Role =
  | { readonly side: 'server'; readonly hostKeys: readonly HostKey[] }
  | {
      readonly side: 'client';
      /** The algorithms by which the host may be proved. */
      readonly hostKeyAlgorithms: readonly string[];
      /** Is this blob, a key or a certificate, the host's? That the host holds it is proved afterwards. */
      readonly isTrusted: (blob: Buffer) => boolean;
    };

/** What carries a leg: a connection, or a channel of another leg. */
export interface Line extends Duplex {
  setNoDelay(on: boolean): unknown;
  setKeepAlive(on: boolean, afterMs: number): unknown;
}

export interface TransportOptions {
  readonly role: Role;
  /** The software version that we call ourselves: `SSH-2.0-…`. */
  readonly ident: string;
  readonly limits?: Partial<Limits>;
}

export interface Limits {
  /** For the first exchange of keys, and any later one: there, while we read and the peer takes what we say. */
  readonly handshakeMs: number;
  /** New keys after this many bytes, both ways together (RFC 4253 §9), or this long. */
  readonly rekeyBytes: number;
  readonly rekeyMs: number;
  /** Before {@link Transport.trust}. */
  readonly untrustedBytes: number;
}

const usualLimits: Limits = {
  handshakeMs: 30_000,
  rekeyBytes: 1024 ** 3,
  rekeyMs: 3_600_000,
  untrustedBytes: 256 * 1024,
};

/** How a leg ended. `peer`: it closed, broke the protocol or was told to go. `bug`: ours, with a stack. */
export interface Ending {
  readonly kind: 'peer' | 'us' | 'bug';
  readonly text: string;
}

export interface TransportListener {
  /** Keys are exchanged, and a host that is a server is proved. Once. */
  ready(): void;
  /**
   * A whole message of a service: its number is its first byte.
   * @returns `passed`: nobody has kept any of its bytes, not even to be written later, and their memory may be given back
   */
  message(payload: Buffer): 'passed' | void;
  /** What waited is on its way; see {@link Transport.isCongested}. */
  drained(): void;
  /** Once, and the last. */
  closed(ending: Ending): void;
}

/** One read that is this long has more behind it, as a rule. */
const fullReadBytes = 65_536;
/** After so many others come first: libuv reads a busy socket 32 times in a row. To stop after each costs more than a read. */
const fullReadsInTurn = 4;
const congestedBytes = 1024 * 1024;
/** What the peer had said before it heard of new keys: more than the windows of a few channels. */
const maxAheadBytes = 16 * 1024 * 1024;
const lastWordsMs = 2_000;

export class Transport {
  readonly #socket: Line;
  readonly #outbox: Outbox;
  readonly #protocol: Protocol;
  readonly #listener: TransportListener;
  readonly #limits: Limits;
  #identification: Identification | undefined;
  #deadline: NodeJS.Timeout | undefined;
  readonly #rekeyTimer: NodeJS.Timeout;
  #isReady = false;
  #isTrusted = false;
  /** Of what is being read, something was kept. */
  #isKept = false;
  #isClosed = false;
  #peerSaidGoodbye: string | undefined;
  /** Reasons not to read: the listener's, and fairness. */
  #paused = false;
  #yielding = false;
  /** In a row, and since others came first. */
  #fullReads = 0;
  #bytesSinceKeys = 0;
  #untrustedBytes = 0;
  #queuedBytes = 0;
  /** Read while paused, since an exchange of keys began. */
  #aheadBytes = 0;
  peerIdent = '';

  constructor(socket: Line, { role, ident, limits }: TransportOptions, listener: TransportListener) {
    this.#socket = socket;
    this.#listener = listener;
    this.#limits = { ...usualLimits, ...limits };
    this.#identification = new Identification(role.side);
    this.#outbox = new Outbox(socket, bytes => {
      this.#bytesSinceKeys += bytes;
    });
    const hostKeys = role.side === 'server' ? signersOf(role.hostKeys) : {};
    this.#protocol = new Protocol({
      server: role.side === 'server',
      ident,
      offer: offerOf(role.side === 'server' ? Object.keys(hostKeys) : role.hostKeyAlgorithms),
      ...(role.side === 'server' ? { hostKeys } : { hostVerifier: role.isTrusted }),
      onWrite: data => this.#outbox.append(data),
      onError: error => this.#end({ kind: 'peer', text: error.message }),
      onHeader: ({ versions }) => {
        this.peerIdent = versions.software;
      },
      onHandshakeComplete: () => this.#keysExchanged(),
      messageHandlers: {
        DISCONNECT: (_, reason, text) => {
          this.#peerSaidGoodbye = `it disconnected (${reason}${text === '' ? '' : `, ${text}`})`;
          this.#outbox.flush();
          socket.end();
        },
      },
    });
    this.#takeCiphers();
    const ofTransport = this.#protocol._onPayload;
    this.#protocol._onPayload = payload => this.#received(payload, ofTransport);

    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('end', () => this.#end({ kind: 'peer', text: this.#peerSaidGoodbye ?? 'it closed the connection' }));
    socket.on('error', error => this.#end({ kind: 'peer', text: error.message }));
    socket.on('close', () => this.#end({ kind: 'peer', text: this.#peerSaidGoodbye ?? 'the connection was lost' }));
    this.#startDeadline();
    this.#rekeyTimer = setInterval(() => this.#rekey(), this.#limits.rekeyMs).unref();
    this.#guarded(() => this.#protocol.start());
  }

  /** The session identifier of RFC 4253 §7.2, to which signatures are bound. After {@link TransportListener.ready}. */
  get sessionId(): Buffer {
    const id = this.#protocol._kex?.sessionID;
    if (id === undefined) throw new Error('no keys are exchanged yet');
    return id;
  }

  get keyExchange(): string {
    return this.#protocol._kex?.negotiated.kex ?? '';
  }

  /** There is more to send than should wait: whoever feeds this leg stops until `drained`. */
  get isCongested(): boolean {
    return this.#socket.writableLength + this.#outbox.waitingBytes + this.#queuedBytes > congestedBytes;
  }

  send(payload: Buffer): void {
    if (this.#isClosed) return;
    try {
      const { _cipher: cipher, _kexinit: exchange } = this.#protocol;
      if (exchange === undefined && cipher instanceof PacketSealer) cipher.seal(payload);
      else this.#sendBySsh2(payload);
    } catch (error) {
      this.#broken(error);
    }
  }

  /** The peer is known: the bounds of strangers do not hold for it any more. */
  trust(): void {
    this.#isTrusted = true;
  }

  pause(): void {
    this.#paused = true;
    this.#readIfMeant();
  }

  resume(): void {
    this.#paused = false;
    this.#readIfMeant();
  }

  /** Says why, and closes when it is said. */
  disconnect(reason: number, text: string): void {
    if (this.#isClosed) return;
    if (this.#protocol._kexinit === undefined && this.#isReady)
      this.send(Buffer.concat([Buffer.of(msg.disconnect), uint32(reason), string(text), string('')]));
    else this.#guarded(() => this.#protocol.disconnect(reason));
    this.#end({ kind: 'us', text });
  }

  /** Nobody keeps what was read: neither the listener, nor ssh2, as it does while keys are exchanged. */
  get #mayDiscard(): boolean {
    const { _decipher: opener, _kexinit: exchange } = this.#protocol;
    return !this.#isKept && exchange === undefined && opener instanceof PacketOpener;
  }

  /** What ssh2 seals, or keeps until keys are exchanged. */
  #sendBySsh2(payload: Buffer): void {
    const { write } = this.#protocol._packetRW;
    const packet = write.alloc(payload.length);
    packet.set(payload, write.allocStart);
    const isSent = utils.sendPacket(this.#protocol, write.finalize(packet));
    if (!isSent) this.#queuedBytes += payload.length;
  }

  /** Ours in the place of ssh2's, where there are any. */
  #takeCiphers(): void {
    const ciphers = nativeCiphers();
    if (typeof ciphers === 'string') return;
    this.#protocol._newCipher = ({ outbound: { cipherInfo, cipherKey, cipherIV, seqno } }) => {
      const cipher = packetCipher(ciphers, cipherInfo.sslName, true, cipherKey, cipherIV);
      return cipher && new PacketSealer(cipher, seqno, this.#outbox);
    };
    this.#protocol._newDecipher = ({ inbound: { decipherInfo, decipherKey, decipherIV, seqno, onPayload } }) => {
      const cipher = packetCipher(ciphers, decipherInfo.sslName, false, decipherKey, decipherIV);
      return cipher && new PacketOpener(cipher, seqno, onPayload, () => this.#mayDiscard);
    };
  }

  #read(chunk: Buffer): void {
    if (this.#isClosed) return;
    const { length } = chunk;
    this.#isKept = false;
    this.#bytesSinceKeys += length;
    if (!this.#isTrusted) {
      this.#untrustedBytes += length;
      if (this.#untrustedBytes > this.#limits.untrustedBytes)
        return this.disconnect(bye.protocolError, 'too much before authentication');
    }
    const bytes = this.#identified(chunk);
    if (bytes === undefined) return;
    this.#parse(bytes);
    if (this.#bytesSinceKeys > this.#limits.rekeyBytes) this.#rekey();
    if (this.#paused && this.#protocol._kexinit !== undefined) this.#aheadBytes += length;
    this.#fullReads = length >= fullReadBytes ? this.#fullReads + 1 : 0;
    if (this.#fullReads >= fullReadsInTurn) this.#yield();
    else if (this.#paused) this.#readIfMeant();
    if (this.#mayDiscard) discard(chunk);
  }

  #parse(bytes: Buffer): void {
    try {
      this.#protocol.parse(bytes, 0, bytes.length);
    } catch (error) {
      this.#broken(error);
    }
  }

  /** What ssh2 is to see of the chunk; undefined while the first line is not whole. */
  #identified(chunk: Buffer): Buffer | undefined {
    if (this.#identification === undefined) return chunk;
    const bytes = this.#identification.receive(chunk);
    if (typeof bytes === 'string') this.#end({ kind: 'peer', text: bytes });
    if (!Buffer.isBuffer(bytes)) return undefined;
    this.#identification = undefined;
    return bytes;
  }

  #received(payload: Buffer, ofTransport: (payload: Buffer) => unknown): unknown {
    if (this.#isClosed || payload.length === 0) return undefined;
    const type = payload[0] ?? 0;
    if (type < msg.userauthRequest) this.#isKept = true;
    switch (type) {
      case msg.kexInit:
        if (!this.#isTrusted) {
          this.disconnect(bye.protocolError, 'new keys before authentication');
          return undefined;
        }
        this.#startDeadline();
        return ofTransport.call(this.#protocol, payload);
      case msg.disconnect:
      case msg.ignore:
      case msg.unimplemented:
      case 4: // debug
      case 7: // ext-info
        return ofTransport.call(this.#protocol, payload);
      default:
        if (type === msg.serviceRequest || type === msg.serviceAccept || (type >= 50 && type <= 127))
          this.#isKept = this.#listener.message(payload) !== 'passed' || this.#isKept;
        else this.disconnect(bye.protocolError, `unexpected message ${type}`);
        return undefined;
    }
  }

  #keysExchanged(): void {
    clearTimeout(this.#deadline);
    this.#bytesSinceKeys = 0;
    this.#queuedBytes = 0;
    this.#aheadBytes = 0;
    if (this.#paused) this.#readIfMeant();
    if (this.#isReady) return this.#drained();
    this.#isReady = true;
    this.#listener.ready(); // before the next message, which may be in the same read
  }

  #rekey(): void {
    if (this.#isClosed || !this.#isReady || !this.#isTrusted || this.#protocol._kexinit !== undefined) return;
    this.#bytesSinceKeys = 0;
    this.#startDeadline();
    this.#guarded(() => this.#protocol.rekey());
    if (this.#paused) this.#readIfMeant();
  }

  #startDeadline(): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      if (this.#isReady && this.#isBehind) this.#startDeadline();
      else this.#end({ kind: 'peer', text: 'the exchange of keys took too long' });
    }, this.#limits.handshakeMs);
  }

  /** The peer's answer may be there and not be read, or our question is still behind what was said before it. */
  get #isBehind(): boolean {
    return (this.#paused && !this.#readsAhead) || this.#socket.writableLength > 0;
  }

  #yield(): void {
    this.#fullReads = 0;
    this.#yielding = true;
    this.#socket.pause();
    setImmediate(() => {
      this.#yielding = false;
      this.#readIfMeant();
    });
  }

  /** Keys are exchanged though we are paused: of two legs in a relay each may be paused until the other has its keys. */
  #readIfMeant(): void {
    if (this.#yielding || (this.#paused && !this.#readsAhead)) this.#socket.pause();
    else this.#socket.resume();
  }

  get #readsAhead(): boolean {
    return this.#isReady && this.#protocol._kexinit !== undefined && this.#aheadBytes < maxAheadBytes;
  }

  #drained(): void {
    if (!this.#isClosed && !this.isCongested) this.#guarded(() => this.#listener.drained());
  }

  /** ssh2 throws at what a peer does, and a bug of ours must end this connection and no other. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#broken(error);
    }
  }

  #broken(error: unknown): void {
    this.#end({ kind: isOfPeer(error) ? 'peer' : 'bug', text: textOf(error) });
  }

  #end(ending: Ending): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#deadline);
    clearInterval(this.#rekeyTimer);
    this.#outbox.flush();
    this.#socket.end();
    this.#socket.resume(); // to see its end
    setTimeout(() => this.#socket.destroy(), lastWordsMs).unref();
    // After what is being done with the keys: a cleanup would take them away.
    setImmediate(() => {
      this.#protocol.cleanup();
      this.#listener.closed(ending);
    });
  }
}

/**
 * Thrown at what the peer sent: by our ciphers, in ssh2's code or, by its doing, in Node's. Our frames come before it where
 * the bug is ours.
 */
function isOfPeer(error: unknown): boolean {
  if (error instanceof ProtocolError) return true;
  if (!(error instanceof Error)) return false;
  const frames = (error.stack ?? '').split('\n').filter(line => /^\s+at /.test(line) && !line.includes('node:'));
  return /ssh2[/\\]lib|^\s+at (?:NullDecipher|\w+Decipher\w*|Protocol)\b/.test(frames[0] ?? '');
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return isOfPeer(error) ? error.message : (error.stack ?? error.message);
}
