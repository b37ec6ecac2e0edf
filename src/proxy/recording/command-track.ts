/**
 * What runs without a terminal: a command, a shell, or a transfer of files, as lines of JSON. First a header, then one
 * event per line, each with the seconds since the start.
 *
 * What comes in is never kept, only measured. A digest of very little would give it away (a password for sudo -S), so there
 * is one only of more than {@link tellingBytes}.
 */
import { isUtf8 } from 'node:buffer';
import { createHash, type Hash } from 'node:crypto';
import type { FileEvents, Tell } from './file-events.ts';
import { OutputBudget } from './output-budget.ts';
import { type Kind, type SessionFacts, type Stream, seconds, type Track, type TrackPorts, titleOf } from './track.ts';

export interface Program {
  readonly kind: Exclude<Kind, 'terminal'>;
  /** Undefined: a shell. */
  readonly command: string | undefined;
}

const tellingBytes = 1024;

export class CommandTrack implements Track {
  readonly #ports: TrackPorts;
  readonly #startedAt: number;
  readonly #files: FileEvents | undefined;
  readonly #budget: OutputBudget;
  readonly #input = new Measured();
  readonly #streams = { stdout: new Output(), stderr: new Output() };
  #exit: string | undefined;

  /** @param openFiles what makes events of the streams of a transfer, unless they are just bytes */
  constructor(
    { kind, command }: Program,
    session: SessionFacts,
    ports: TrackPorts,
    openFiles: (tell: Tell) => FileEvents | undefined,
  ) {
    this.#ports = ports;
    this.#startedAt = ports.now();
    this.#budget = new OutputBudget(ports.now);
    ports.line({
      format: 'trasa-agent events',
      version: 1,
      timestamp: Math.floor(this.#startedAt / 1000),
      title: titleOf(session),
      ...(command !== undefined && { command: command.slice(0, maxCommand) }),
      trasa: { kind, ...session },
    });
    this.#files = openFiles((name, facts) => this.#event(name, facts));
  }

  output(stream: Stream, data: Buffer): string | undefined {
    if (stream === 'stdout' && this.#files !== undefined) return this.#files.fromHost(data);
    this.#streams[stream].add(data, this.#budget.take(data.length), event =>
      this.#event('output', { stream, ...event }),
    );
    return undefined;
  }

  input(data: Buffer): string | undefined {
    if (this.#files !== undefined) return this.#files.fromClient(data);
    this.#input.add(data);
    return undefined;
  }

  resize(): void {}

  exited(how: string): void {
    this.#exit = how;
  }

  end(): void {
    this.#files?.end();
    const { stdout, stderr } = this.#streams;
    for (const [stream, output] of Object.entries(this.#streams))
      output.end(event => this.#event('output', { stream, ...event }));
    this.#event('end', {
      ...(this.#exit !== undefined && { exit: this.#exit }),
      ...(this.#files === undefined && { stdin: this.#input.facts(tellingBytes), stdout: stdout.total.facts(0) }),
      stderr: stderr.total.facts(0),
    });
  }

  #event(event: string, facts: object): void {
    this.#ports.line({ at: seconds(this.#ports.now() - this.#startedAt), event, ...facts });
  }
}

/** Longer ones there are: what sshd takes is 256 KiB. */
const maxCommand = 65_536;

class Measured {
  readonly #hash: Hash = createHash('sha256');
  bytes = 0;

  add(data: Buffer): void {
    this.#hash.update(data);
    this.bytes += data.length;
  }

  facts(telling: number): object {
    const { bytes } = this;
    return bytes > telling ? { bytes, sha256: this.#hash.copy().digest('hex') } : { bytes };
  }
}

type Keep = (event: { readonly text: string } | { readonly base64: string } | { readonly omitted: number }) => void;

/** One stream of output: kept as text, or as base64 if it is none. */
class Output {
  readonly total = new Measured();
  /** The beginning of a character whose rest is to come. */
  #held: Buffer = Buffer.alloc(0);
  #omitted = 0;

  add(data: Buffer, kept: number, keep: Keep): void {
    this.total.add(data);
    if (kept === 0 && this.#held.length === 0) return void (this.#omitted += data.length);
    const bytes = Buffer.concat([this.#held, data.subarray(0, kept)]);
    const whole = wholeCharacters(bytes);
    if (whole > 0) {
      this.#tellOmitted(keep);
      keep(asText(bytes.subarray(0, whole)));
    }
    const rest = bytes.subarray(whole);
    this.#held = kept === data.length ? Buffer.from(rest) : Buffer.alloc(0);
    if (kept < data.length) this.#omitted += rest.length + data.length - kept;
  }

  end(keep: Keep): void {
    if (this.#held.length > 0) keep(asText(this.#held));
    this.#tellOmitted(keep);
  }

  #tellOmitted(keep: Keep): void {
    if (this.#omitted > 0) keep({ omitted: this.#omitted });
    this.#omitted = 0;
  }
}

function asText(bytes: Buffer): { readonly text: string } | { readonly base64: string } {
  return isUtf8(bytes) && !bytes.includes(0) ? { text: bytes.toString('utf8') } : { base64: bytes.toString('base64') };
}

/** The length up to the last character that is whole (RFC 3629 §3); all of it if that is no text anyway. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
