/**
 * The recording of one session: a file for each program that is run, named by the id of the attempt. What cannot be
 * recorded, or cannot be written, ends the session.
 *
 * A channel runs one program. So that a file tells of the program that ran, and of nothing else, what ssh permits is narrower
 * here: no second program while the first may run, no data without one, none of a kind that nobody knows.
 */
import { plainWords } from '../../policy/commands.ts';
import { cleanText } from '../../protocol/clean.ts';
import { WireReader } from '../../ssh/wire.ts';
import { parseChannelRequest } from '../messages/connection.ts';
import { msg } from '../messages/numbers.ts';
import type { Side } from '../relay/allowed.ts';
import { CommandTrack } from './command-track.ts';
import { type Fault, faultOf, unrecordable } from './fault.ts';
import { jsonLine } from './json-line.ts';
import type { OpenRecording, Recorder } from './recorder.ts';
import { ScpReader, scpSender } from './scp-reader.ts';
import { SftpReader } from './sftp-reader.ts';
import { type Terminal, TerminalTrack } from './terminal-track.ts';
import type { Kind, SessionFacts, Track, TrackPorts } from './track.ts';

/** Bytes that may wait for the disk. */
const congestedBytes = 1024 * 1024;

/** What a channel was asked to run. */
type Program = { readonly kind: 'shell' } | { readonly kind: 'exec' | 'subsystem'; readonly words: string };

class Channel {
  terminal: Terminal | undefined;
  /** Types of the requests whose reply is awaited. */
  readonly asked: string[] = [];
  track: Track | undefined;
  file: OpenRecording | undefined;
}

export class Recording {
  readonly #recorder: Recorder;
  readonly #session: SessionFacts;
  readonly #channels = new Map<number, Channel>();
  #count = 0;
  #waitingBytes = 0;
  #hasFailed = false;
  #fail: (fault: Fault) => void = () => {};
  #drained: () => void = () => {};

  constructor(recorder: Recorder, session: SessionFacts) {
    this.#recorder = recorder;
    this.#session = session;
  }

  get isCongested(): boolean {
    return this.#waitingBytes > congestedBytes;
  }

  onFailure(fail: (fault: Fault) => void): void {
    this.#fail = fail;
  }

  onDrained(drained: () => void): void {
    this.#drained = drained;
  }

  /** A request of the client that is to pass. */
  request(number: number, payload: Buffer): void {
    const request = parseChannelRequest(payload);
    if (request === undefined) return;
    const { type, wantReply, data } = request;
    const channel = this.#channel(number);
    if (wantReply) channel.asked.push(type);
    if (type === 'pty-req') channel.terminal = terminalOf(data);
    if (type === 'window-change') channel.track?.resize(size(data.uint32()), size(data.uint32()));
    if (type === 'shell') this.#start(channel, { kind: type });
    if (type === 'exec' || type === 'subsystem')
      this.#start(channel, { kind: type, words: data.string().toString('utf8') });
  }

  /** The host's reply to the first request that waits for one. */
  answered(number: number, isSuccess: boolean): void {
    const channel = this.#channels.get(number);
    const type = channel?.asked.shift();
    if (channel === undefined || isSuccess) return;
    if (type === 'pty-req') channel.terminal = undefined;
    if (type !== undefined && starters.includes(type)) this.#end(channel, 'not started');
  }

  input(number: number, payload: Buffer): void {
    this.#data(number, payload, 'client');
  }

  output(number: number, payload: Buffer): void {
    this.#data(number, payload, 'host');
  }

  /** A request of the host: how a program ended, as a rule. */
  ending(number: number, payload: Buffer): void {
    const request = parseChannelRequest(payload);
    const track = this.#channels.get(number)?.track;
    if (request?.type === 'exit-status') track?.exited(`exit ${request.data.uint32()}`);
    if (request?.type === 'exit-signal')
      track?.exited(`signal ${cleanText(request.data.string().toString('utf8'), 32)}`);
  }

  closed(number: number): void {
    const channel = this.#channels.get(number);
    if (channel !== undefined) this.#end(channel);
    this.#channels.delete(number);
  }

  end(): void {
    for (const number of this.#channels.keys()) this.closed(number); // a Map bears that
  }

  #channel(number: number): Channel {
    const known = this.#channels.get(number);
    if (known !== undefined) return known;
    const channel = new Channel();
    this.#channels.set(number, channel);
    return channel;
  }

  #start(channel: Channel, program: Program): void {
    if (channel.track !== undefined) return this.#failed(unrecordable('a second program on one channel'));
    const { kind, suffix, open } = trackFor(program, channel.terminal, this.#session);
    try {
      const file = this.#recorder.open(`${this.#session.id}-${++this.#count}${suffix}`, kind, this.#session, {
        waiting: bytes => {
          this.#waitingBytes += bytes;
          if (bytes < 0 && !this.isCongested) this.#drained();
        },
        failed: fault => this.#failed(fault),
      });
      channel.file = file;
      channel.track = open({ line: value => file.line(jsonLine(value)), now: this.#recorder.now });
    } catch (error) {
      this.#failed(faultOf(error));
    }
  }

  #data(number: number, payload: Buffer, from: Side): void {
    if (this.#hasFailed) return;
    const track = this.#channels.get(number)?.track;
    if (track === undefined) return this.#failed(unrecordable('data where nothing runs'));
    const reader = new WireReader(payload);
    const isExtended = reader.byte() === msg.channelExtendedData;
    reader.uint32();
    if (isExtended && (from === 'client' || reader.uint32() !== extendedStderr))
      return this.#failed(unrecordable('data of an unknown kind'));
    const data = reader.string();
    const fault = from === 'client' ? track.input(data) : track.output(isExtended ? 'stderr' : 'stdout', data);
    if (fault !== undefined) this.#failed(unrecordable(fault));
  }

  #end(channel: Channel, how?: string): void {
    const { track, file } = channel;
    channel.track = undefined;
    channel.file = undefined;
    if (how !== undefined) track?.exited(how);
    track?.end();
    file?.finish();
  }

  #failed(fault: Fault): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    for (const { track } of this.#channels.values()) track?.exited(`not recorded: ${fault.says}`);
    this.#fail(fault);
  }
}

const starters: readonly string[] = ['shell', 'exec', 'subsystem'];
/** SSH_EXTENDED_DATA_STDERR, the only type there is (RFC 4254 §5.2). */
const extendedStderr = 1;

interface TrackFor {
  readonly kind: Kind;
  readonly suffix: string;
  readonly open: (ports: TrackPorts) => Track;
}

/** Who moves files does so in events, on a terminal as well: one hides what is sent in. */
function trackFor(program: Program, terminal: Terminal | undefined, session: SessionFacts): TrackFor {
  const command = program.kind === 'exec' ? program.words : undefined;
  const isSftp = program.kind === 'subsystem' || sftpServer.test(plainWords(command ?? '')?.[0] ?? '');
  const sender = scpSender(command ?? '');
  if (terminal !== undefined && !isSftp && sender === undefined) {
    const open = (ports: TrackPorts): Track => new TerminalTrack(terminal, command, session, ports);
    return { kind: 'terminal', suffix: '.cast', open };
  }
  const kind = isSftp ? 'sftp' : sender === undefined ? 'command' : 'scp';
  const open = (ports: TrackPorts): Track =>
    new CommandTrack({ kind, command }, session, ports, tell => {
      if (isSftp) return new SftpReader(tell);
      return sender === undefined ? undefined : new ScpReader(sender, tell);
    });
  return { kind, suffix: '.events.jsonl', open };
}

/** How `sftp -s '/usr/lib/openssh/sftp-server -l INFO'` asks for it: by its path, with options if need be. */
const sftpServer = /^(?:\/\S*\/)?sftp-server$/;

function terminalOf(data: WireReader): Terminal {
  const name = cleanText(data.string().toString('utf8'), 128);
  return { name, columns: size(data.uint32()), rows: size(data.uint32()) };
}

function size(value: number): number {
  return Math.min(Math.max(value, 1), 10_000);
}
