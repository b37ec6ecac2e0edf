/**
 * Listens to both directions of an sftp subsystem and tells what becomes of files: what was opened, how many bytes passed
 * each way and their digest, what was removed, renamed, made, linked and changed, each with what the host said to it.
 *
 * Who listens must understand all of it. So there is nothing that is only probably meant so: a packet out of the protocol,
 * a handle that the host has not given, a version other than 3 are faults.
 */
import { WireReader } from '../../ssh/wire.ts';
import { type FileEvents, nameFacts, type Tell } from './file-events.ts';
import { SftpHandle } from './sftp-handle.ts';
import {
  flagNames,
  fxp,
  plainExtensions,
  plainRequests,
  quietExtensions,
  readAttributes,
  statusEof,
  statusName,
  statusOk,
} from './sftp-messages.ts';
import { PacketStream } from './sftp-packets.ts';

/** A request whose reply is awaited. */
type Pending = { readonly weight: number } & (
  | { readonly kind: 'open' | 'opendir'; readonly path: Buffer; readonly flags: number }
  | { readonly kind: 'close'; readonly name: string; readonly handle: SftpHandle | undefined }
  | { readonly kind: 'read'; readonly handle: SftpHandle; readonly offset: number }
  | { readonly kind: 'write' | 'readdir' | 'fstat'; readonly handle: SftpHandle }
  | { readonly kind: 'stat'; readonly path: Buffer }
  | { readonly kind: 'event'; readonly event: string; readonly facts: object; readonly cuts?: SftpHandle }
  | { readonly kind: 'quiet' }
);

/** More at once than any client asks for, and than any host gives. */
const maxPending = 4096;
const maxHandles = 1024;
/** Of the names in them. */
const maxWeight = 1024 * 1024;

export class SftpReader implements FileEvents {
  readonly #tell: Tell;
  readonly #requests = new PacketStream();
  readonly #replies = new PacketStream();
  readonly #pending = new Map<number, Pending>();
  readonly #handles = new Map<string, SftpHandle>();
  #weight = 0;
  #state: 'new' | 'offered' | 'agreed' = 'new';
  #lastStat: { readonly path: Buffer; readonly size: number } | undefined;
  #requestCount = 0;

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  fromClient(data: Buffer): string | undefined {
    return this.#requests.push(data, packet => this.#request(packet));
  }

  fromHost(data: Buffer): string | undefined {
    return this.#replies.push(data, packet => this.#reply(packet));
  }

  end(): void {
    for (const handle of this.#handles.values()) this.#closed(handle, 'cut off');
    this.#handles.clear();
    for (const pending of this.#pending.values()) if (pending.kind === 'event') this.#answered(pending, 'cut off');
    const isCutOff = this.#requests.isCutOff || this.#replies.isCutOff;
    this.#tell('sftp', { requests: this.#requestCount, unanswered: this.#pending.size, ...(isCutOff && { isCutOff }) });
  }

  #request(packet: Buffer): string | undefined {
    const reader = new WireReader(packet);
    const type = reader.byte();
    if (this.#state !== 'agreed') return this.#offer(type, reader);
    const id = reader.uint32();
    const pending = this.#understood(type, reader, packet.length);
    if (typeof pending === 'string') return pending;
    if (reader.isBroken) return `an sftp request ${type} that is cut short`;
    if (this.#pending.has(id)) return 'two sftp requests with one number';
    this.#requestCount++;
    this.#pending.set(id, pending);
    this.#weight += pending.weight;
    if (this.#pending.size > maxPending || this.#weight > maxWeight) return 'too many sftp requests at once';
    return undefined;
  }

  #offer(type: number, reader: WireReader): string | undefined {
    if (this.#state !== 'new' || type !== fxp.init) return 'an sftp request before the version was agreed';
    if (reader.uint32() < 3 || reader.isBroken) return 'an sftp version before 3';
    this.#state = 'offered';
    return undefined;
  }

  /** A request that is in order; a string says why it is not. */
  #understood(type: number, reader: WireReader, bytes: number): Pending | string {
    const plain = plainRequests.get(type);
    if (plain !== undefined) return { kind: 'event', event: plain.event, facts: plain.facts(reader), weight: bytes };
    switch (type) {
      case fxp.open:
      case fxp.opendir: {
        const path = Buffer.from(reader.string());
        const flags = type === fxp.open ? reader.uint32() : 0;
        return { kind: type === fxp.open ? 'open' : 'opendir', path, flags, weight: path.length };
      }
      case fxp.close: {
        const name = nameOf(reader.string());
        const handle = this.#handles.get(name);
        if (handle !== undefined) handle.isClosing = true;
        return { kind: 'close', name, handle, weight: 0 };
      }
      case fxp.lstat:
      case fxp.stat:
        return { kind: 'stat', path: Buffer.from(reader.string()), weight: bytes };
      case fxp.realpath:
      case fxp.readlink:
        return quiet;
      case fxp.extended:
        return this.#extension(reader, bytes);
      default:
        return this.#onHandle(type, reader);
    }
  }

  /** Those about something that is open. */
  #onHandle(type: number, reader: WireReader): Pending | string {
    const isKnown = [fxp.read, fxp.write, fxp.fstat, fxp.fsetstat, fxp.readdir].some(known => known === type);
    if (!isKnown) return `an sftp request ${type} that is not of version 3`;
    const handle = this.#opened(reader);
    if (handle === undefined) return unknownHandle;
    switch (type) {
      case fxp.read:
        return { kind: 'read', handle, offset: Number(reader.uint64()), weight: 0 };
      case fxp.write:
        handle.written.add(Number(reader.uint64()), reader.string());
        return { kind: 'write', handle, weight: 0 };
      case fxp.fsetstat: {
        const changes = readAttributes(reader);
        const cuts = changes.size === handle.written.next;
        if (changes.size !== undefined && !cuts) handle.isDisturbed = true;
        const facts = { ...handle.pathFacts, ...changes };
        return { kind: 'event', event: 'setstat', facts, ...(cuts && { cuts: handle }), weight: handle.path.length };
      }
      default:
        return { kind: type === fxp.fstat ? 'fstat' : 'readdir', handle, weight: 0 };
    }
  }

  #extension(reader: WireReader, bytes: number): Pending | string {
    const name = reader.string().toString('latin1');
    const plain = plainExtensions.get(name);
    if (plain !== undefined) return { kind: 'event', event: plain.event, facts: plain.facts(reader), weight: bytes };
    if (quietExtensions.has(name)) return quiet;
    if (name === 'fsync@openssh.com') {
      const handle = this.#opened(reader);
      return handle === undefined
        ? unknownHandle
        : { kind: 'event', event: 'fsync', facts: handle.pathFacts, weight: handle.path.length };
    }
    if (name !== 'copy-data') return { kind: 'event', event: 'extended', facts: { name, bytes }, weight: bytes };
    const from = this.#opened(reader);
    const [offset, length] = [Number(reader.uint64()), Number(reader.uint64())];
    const to = this.#opened(reader);
    const toOffset = Number(reader.uint64());
    if (from === undefined || to === undefined) return unknownHandle;
    to.isDisturbed = true;
    const facts = { ...from.pathFacts, offset, length, ...nameFacts('to', to.path), toOffset };
    return { kind: 'event', event: 'copy', facts, weight: from.path.length + to.path.length };
  }

  #reply(packet: Buffer): string | undefined {
    const reader = new WireReader(packet);
    const type = reader.byte();
    if (this.#state !== 'agreed') return this.#agree(type, reader);
    const id = reader.uint32();
    const pending = this.#pending.get(id);
    if (pending === undefined) return 'an sftp reply to no request';
    this.#pending.delete(id);
    this.#weight -= pending.weight;
    const fault = type === fxp.status ? this.#status(pending, reader.uint32()) : this.#result(type, pending, reader);
    return fault ?? (reader.isBroken ? `an sftp reply ${type} that is cut short` : undefined);
  }

  #agree(type: number, reader: WireReader): string | undefined {
    if (this.#state !== 'offered' || type !== fxp.version) return 'an sftp reply before the version was agreed';
    const version = reader.uint32();
    if (version !== 3) return `sftp version ${version}`;
    this.#state = 'agreed';
    return undefined;
  }

  #status(pending: Pending, code: number): string | undefined {
    const status = statusName(code);
    switch (pending.kind) {
      case 'open':
      case 'opendir':
        if (code === statusOk) return 'an sftp file that is open and has no handle';
        if (pending.kind === 'opendir') this.#tell('list', { ...nameFacts('path', pending.path), status });
        else this.#tell('open', { ...nameFacts('path', pending.path), flags: flagNames(pending.flags), status });
        return undefined;
      case 'close':
        this.#handles.delete(pending.name);
        if (pending.handle !== undefined) {
          this.#weight -= pending.handle.path.length;
          this.#closed(pending.handle, status);
        }
        return undefined;
      case 'read':
        if (code === statusEof && pending.offset === pending.handle.read.next) pending.handle.size = pending.offset;
        return undefined;
      case 'write':
        if (code !== statusOk) pending.handle.failedWrites++;
        return undefined;
      case 'event':
        if (pending.cuts !== undefined && code === statusOk) pending.cuts.isCut = true;
        this.#answered(pending, status);
        return undefined;
      case 'stat':
      case 'fstat':
      case 'readdir':
      case 'quiet':
        return undefined; // they only look
    }
  }

  #result(type: number, pending: Pending, reader: WireReader): string | undefined {
    if (type === fxp.handle && (pending.kind === 'open' || pending.kind === 'opendir'))
      return this.#open(pending, nameOf(reader.string()));
    if (type === fxp.data && pending.kind === 'read') {
      pending.handle.read.add(pending.offset, reader.string());
      return undefined;
    }
    if (type === fxp.name && pending.kind === 'readdir') {
      pending.handle.entries += reader.uint32();
      return undefined;
    }
    if (type === fxp.attrs && pending.kind === 'fstat') {
      pending.handle.size = readAttributes(reader).size;
      return undefined;
    }
    if (type === fxp.attrs && pending.kind === 'stat') {
      const { size } = readAttributes(reader);
      if (size !== undefined) this.#lastStat = { path: pending.path, size };
      return undefined;
    }
    if (type === fxp.name && pending.kind === 'quiet') return undefined;
    if (type === fxp.extendedReply && pending.kind === 'quiet') return undefined;
    if (type === fxp.extendedReply && pending.kind === 'event' && pending.event === 'extended') {
      this.#answered(pending, statusName(statusOk));
      return undefined;
    }
    return `an sftp reply ${type} to another request`;
  }

  #open({ kind, path, flags }: Pending & { readonly kind: 'open' | 'opendir' }, name: string): string | undefined {
    if (this.#handles.has(name)) return 'an sftp handle that is given twice';
    const size = this.#lastStat?.path.equals(path) === true ? this.#lastStat.size : undefined;
    const handle = new SftpHandle(path, kind === 'opendir', flags, size);
    this.#handles.set(name, handle);
    this.#weight += path.length;
    if (this.#handles.size > maxHandles) return 'too many sftp handles at once';
    if (kind === 'open')
      this.#tell('open', { ...handle.pathFacts, flags: flagNames(flags), status: statusName(statusOk) });
    return undefined;
  }

  #closed(handle: SftpHandle, status: string): void {
    this.#tell(handle.isDirectory ? 'list' : 'close', { ...handle.facts(), status });
  }

  #answered({ event, facts }: Pending & { readonly kind: 'event' }, status: string): void {
    this.#tell(event, { ...facts, status });
  }

  /** One that the host has given, and that the client has not given back. */
  #opened(reader: WireReader): SftpHandle | undefined {
    const handle = this.#handles.get(nameOf(reader.string()));
    return handle?.isClosing === true ? undefined : handle;
  }
}

const quiet: Pending = { kind: 'quiet', weight: 0 };
const unknownHandle = 'an sftp handle that the host has not given';

function nameOf(handle: Buffer): string {
  return handle.toString('latin1');
}
