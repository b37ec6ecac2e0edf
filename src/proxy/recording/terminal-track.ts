/**
 * What a terminal shows, as asciicast v2 (docs.asciinema.org/manual/asciicast/v2): output and resizes, never what is typed.
 * How the program ended is a marker event, `exit 0` or `signal KILL`, since v2 has no event of its own for it.
 */
import { StringDecoder } from 'node:string_decoder';
import { cleanText } from '../../protocol/clean.ts';
import { type SessionFacts, type Stream, seconds, type Track, type TrackPorts, titleOf } from './track.ts';

export interface Terminal {
  readonly name: string;
  readonly columns: number;
  readonly rows: number;
}

export class TerminalTrack implements Track {
  readonly #ports: TrackPorts;
  readonly #startedAt: number;
  #exit = '';
  /** A character may be cut in two by packets. */
  readonly #decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };

  constructor(terminal: Terminal, command: string | undefined, session: SessionFacts, ports: TrackPorts) {
    this.#ports = ports;
    this.#startedAt = ports.now();
    ports.line({
      version: 2,
      width: terminal.columns,
      height: terminal.rows,
      timestamp: Math.floor(this.#startedAt / 1000),
      title: titleOf(session),
      ...(command !== undefined && { command: cleanText(command, 1024) }),
      env: terminal.name === '' ? {} : { TERM: terminal.name },
      trasa: { kind: 'terminal', ...session },
    });
  }

  output(stream: Stream, data: Buffer): undefined {
    this.#event('o', this.#decoders[stream].write(data));
  }

  input(): undefined {}

  resize(columns: number, rows: number): void {
    this.#event('r', `${columns}x${rows}`);
  }

  exited(how: string): void {
    this.#exit = how;
  }

  end(): void {
    this.#event('o', this.#decoders.stdout.end() + this.#decoders.stderr.end());
    this.#event('m', this.#exit);
  }

  #event(code: 'o' | 'r' | 'm', data: string): void {
    if (data !== '') this.#ports.line([seconds(this.#ports.now() - this.#startedAt), code, data]);
  }
}
