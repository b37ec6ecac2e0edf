/** What sshd really does, in its own words: `sshd -T` and `sshd -t`. Nothing is changed. */
import { cleanText } from '../protocol/clean.ts';
import { type Ran, runProgram } from './run-program.ts';

export interface SshdProgram {
  /** Absolute: sshd does not run otherwise. */
  readonly program: string;
  /** Undefined: the one that sshd itself takes. */
  readonly configFile?: string;
}

export const usualSshd: SshdProgram = { program: '/usr/sbin/sshd' };

/** A connection as Match blocks judge it (sshd_config(5)). */
export interface Connection {
  readonly user: string;
  /** Name and address of the client. */
  readonly host: string;
  readonly address: string;
  readonly localAddress: string;
  readonly localPort: number;
}

/** Of one connection. Names are in lower case, as `sshd -T` prints them. */
export interface SshdSettings {
  /** The first value, all words of it; undefined: this sshd does not know the setting, or has none. */
  first(name: string): string | undefined;
  /** Every value of a setting that may stand there more than once. */
  all(name: string): readonly string[];
}

export type Asked<T> =
  | { readonly kind: 'answered'; readonly answer: T }
  /** In sshd's own words, fit for a terminal. */
  | { readonly kind: 'failed'; readonly why: string };

/** The settings that hold for this connection. Needs to be root: sshd wants to see its host keys. */
export async function effectiveSettings(sshd: SshdProgram, connection: Connection): Promise<Asked<SshdSettings>> {
  const specification = specificationOf(connection);
  if (specification === undefined) return { kind: 'failed', why: 'sshd cannot be asked about a name with , or blanks' };
  const ran = await runProgram(sshd.program, ['-T', ...fileWords(sshd), '-C', specification]);
  return asked(ran, stdout => parseSettings(stdout));
}

/** Would sshd start with this configuration? `sshd -t`. */
export async function validateSshd(sshd: SshdProgram): Promise<Asked<true>> {
  return asked(await runProgram(sshd.program, ['-t', ...fileWords(sshd)]), () => true);
}

export interface SshdVersion {
  readonly major: number;
  readonly minor: number;
  /** As sshd says it: `OpenSSH_9.2p1 Debian-2`. */
  readonly text: string;
}

/** `sshd -V`, which says it on stderr; sshd before 9.2 takes it for a mistake and says it all the same. */
export async function sshdVersion({ program }: SshdProgram): Promise<Asked<SshdVersion>> {
  const ran = await runProgram(program, ['-V']);
  if (ran.kind === 'failed') return ran;
  const [text, major, minor] = /OpenSSH_(\d{1,3})\.(\d{1,3})[^,\n]{0,60}/.exec(ran.stderr) ?? [];
  if (text === undefined) return { kind: 'failed', why: `${program} -V says no version of OpenSSH` };
  return { kind: 'answered', answer: { major: Number(major), minor: Number(minor), text: cleanText(text, 80) } };
}

/** The output of `sshd -T`: one setting a line, its name in lower case, then its words. */
export function parseSettings(output: string): SshdSettings {
  const values = new Map<string, string[]>();
  for (const line of output.split('\n')) {
    const [, name, value] = /^([a-z0-9]+) (.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  return { first: name => values.get(name)?.[0], all: name => values.get(name) ?? [] };
}

/** For `-C`, whose fields are parted by commas and cannot hold one. */
function specificationOf({ user, host, address, localAddress, localPort }: Connection): string | undefined {
  const fields = [user, host, address, localAddress];
  if (fields.some(field => field === '' || /[\s,\p{Cc}]/u.test(field))) return undefined;
  return `user=${user},host=${host},addr=${address},laddr=${localAddress},lport=${localPort}`;
}

function fileWords({ configFile }: SshdProgram): string[] {
  return configFile === undefined ? [] : ['-f', configFile];
}

function asked<T>(ran: Ran, answerOf: (stdout: string) => T): Asked<T> {
  if (ran.kind === 'failed') return ran;
  if (ran.status === 0) return { kind: 'answered', answer: answerOf(ran.stdout) };
  const words = cleanText(ran.stderr, 500);
  return { kind: 'failed', why: words === '' ? `sshd ended with status ${ran.status}` : words };
}
