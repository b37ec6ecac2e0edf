/**
 * What we use of ssh2 1.17.0, and nothing else of it: its transport (RFC 4253). These are its insides, so the version is
 * pinned exactly, and tools/ssh2-patches/ is applied to it.
 */
declare module 'ssh2/lib/protocol/Protocol.js' {
  interface Offer {
    kex: readonly string[];
    serverHostKey: readonly string[];
    cs: Direction;
    sc: Direction;
  }

  interface Direction {
    cipher: readonly string[];
    mac: readonly string[];
    compress: readonly string[];
    lang: readonly string[];
  }

  /** What it needs of a host key. `hash` is undefined where the key has one of its own. */
  interface Ssh2HostKey {
    readonly type: string;
    getPublicSSH(): Buffer;
    /** ECDSA in DER. */
    sign(data: Buffer, hash: string | undefined): Buffer;
  }

  interface Config {
    server: boolean;
    ident: string;
    offer: Offer;
    hostKeys?: Readonly<Record<string, Ssh2HostKey>>;
    /** Called before the signature over the exchange is checked; false ends the connection. */
    hostVerifier?: (blob: Buffer) => boolean;
    onWrite: (data: Uint8Array) => void;
    onError: (error: Error) => void;
    onHeader: (header: { readonly versions: { readonly software: string } }) => void;
    onHandshakeComplete: () => void;
    messageHandlers: { DISCONNECT: (self: unknown, reason: number, text: string) => void };
  }

  /** Of one direction, when keys change; what is ours to take. */
  interface Outbound {
    readonly seqno: number;
    readonly cipherInfo: { readonly sslName: string };
    readonly cipherKey: Buffer;
    readonly cipherIV: Buffer;
  }

  interface Inbound {
    readonly seqno: number;
    readonly onPayload: (payload: Buffer) => unknown;
    readonly decipherInfo: { readonly sslName: string };
    readonly decipherKey: Buffer;
    readonly decipherIV: Buffer;
  }

  class Protocol {
    constructor(config: Config);
    start: () => void;
    parse(chunk: Buffer, from: number, to: number): void;
    rekey(): void;
    disconnect(reason: number): void;
    cleanup(): void;

    /** Taken over by each decipher when keys change; ours is put here before the first. */
    _onPayload: (payload: Buffer) => unknown;
    /** Undefined: ssh2's own. Of tools/ssh2-patches/4-own-ciphers.patch. */
    _newCipher: (config: { readonly outbound: Outbound }) => object | undefined;
    _newDecipher: (config: { readonly inbound: Inbound }) => object | undefined;
    /** Those of now: ssh2's, or what was made here. */
    readonly _cipher: object;
    readonly _decipher: object | undefined;

    /** Defined while keys are exchanged: what is sent then waits. */
    readonly _kexinit: Buffer | undefined;
    readonly _kex: { readonly sessionID: Buffer; readonly negotiated: { readonly kex: string } } | undefined;
    readonly _packetRW: {
      readonly write: {
        readonly allocStart: number;
        alloc(length: number): Buffer;
        finalize(packet: Buffer): Buffer;
      };
    };
  }

  export default Protocol;
}

declare module 'ssh2/lib/protocol/utils.js' {
  import type Protocol from 'ssh2/lib/protocol/Protocol.js';

  const utils: { sendPacket(protocol: Protocol, packet: Buffer): boolean };
  export default utils;
}

declare module 'ssh2/lib/protocol/keyParser.js' {
  interface ParsedKey {
    /** Null if it is a public key. */
    getPrivatePEM(): string | null;
  }

  const keyParser: { parseKey(data: string, passphrase?: string): ParsedKey | ParsedKey[] | Error };
  export default keyParser;
}

declare module 'ssh2/lib/protocol/crypto.js' {
  /** `init` settles when poly1305, which is WebAssembly, is compiled. */
  const crypto: { readonly init: Promise<void> };
  export default crypto;
}
