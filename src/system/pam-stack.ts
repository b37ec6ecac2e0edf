/** The stacks of a service as libpam builds them from its files (libpam/pam_handlers.c): includes followed, order kept. */
import { type Control, everythingIsBad, parseControl } from './pam-control.ts';
import { cutLines } from './pam-lines.ts';

export type PamPhase = 'auth' | 'account' | 'session' | 'password';

export interface Place {
  readonly file: string;
  readonly line: number;
}

/** One line of a stack. */
export interface PamEntry {
  /** `fails`: libpam could not read the line, and counts it as a module that always refuses. */
  readonly kind: 'module' | 'substack' | 'fails';
  /** How deep it lies in substacks; 0: in none. */
  readonly level: number;
  readonly control: Control;
  /** As written: a file name, or an absolute path. Of a substack: the service. */
  readonly module: string;
  readonly words: readonly string[];
  readonly place: Place;
}

export interface PamFault {
  readonly place: Place;
  readonly text: string;
}

export type PamService =
  | {
      readonly kind: 'parsed';
      readonly name: string;
      readonly stacks: Readonly<Record<PamPhase, readonly PamEntry[]>>;
      /** Every file that was read, once each. */
      readonly files: readonly string[];
      /** What libpam would complain of; it goes on with lines that refuse. */
      readonly faults: readonly PamFault[];
    }
  /** libpam gives up: nobody gets in through this service, whatever else its files say. */
  | { readonly kind: 'refused'; readonly name: string; readonly place: Place | undefined; readonly why: string };

export interface PamFile {
  readonly file: string;
  readonly text: string;
}

/** The file of a service, or of an absolute path; undefined if there is none. */
export type ReadPamFile = (name: string) => PamFile | undefined;

/** PAM_SUBSTACK_MAX_LEVEL of libpam, which counts includes of every kind. */
const maxDepth = 16;
/** Ours, against files that include each other; one that is included again counts again. */
const maxFiles = 256;

/**
 * Reads the service, and `other` for the phases of which it has no line. Throws only on a bug.
 *
 * @param name as the application gives it to pam_start(3); libpam looks for it in lower case
 */
export function parseService(name: string, read: ReadPamFile): PamService {
  const own = collect(name.toLowerCase(), read);
  const other = collect('other', read);
  for (const one of [own, other])
    if (one !== undefined && !(one instanceof Collector)) return { kind: 'refused', name, ...one };
  const found = [own, other].filter(one => one instanceof Collector);
  if (found.length === 0)
    return { kind: 'refused', name, place: undefined, why: `neither ${name} nor other has a file` };
  const stackOf = (phase: PamPhase): readonly PamEntry[] =>
    found.map(({ stacks }) => stacks[phase]).find(stack => stack.length > 0) ?? [];
  return {
    kind: 'parsed',
    name,
    stacks: {
      auth: stackOf('auth'),
      account: stackOf('account'),
      session: stackOf('session'),
      password: stackOf('password'),
    },
    files: [...new Set(found.flatMap(({ files }) => files))],
    faults: found.flatMap(({ faults }) => faults),
  };
}

/** Undefined if there is no such file. */
function collect(service: string, read: ReadPamFile): Collector | Refusal | undefined {
  const top = read(service);
  if (top === undefined) return undefined;
  const collector = new Collector(read);
  return collector.addFile(top, undefined, 0, 0) ?? collector;
}

interface Refusal {
  readonly place: Place | undefined;
  readonly why: string;
}

class Collector {
  readonly stacks: Record<PamPhase, PamEntry[]> = { auth: [], account: [], session: [], password: [] };
  readonly files: string[] = [];
  readonly faults: PamFault[] = [];
  readonly #read: ReadPamFile;

  constructor(read: ReadPamFile) {
    this.#read = read;
  }

  /** @param only the phase that an include asks for; undefined: all */
  addFile({ file, text }: PamFile, only: PamPhase | undefined, depth: number, level: number): Refusal | undefined {
    this.files.push(file);
    const { lines, faults, unfinished } = cutLines(text);
    for (const { number, text: fault } of faults) this.#complain({ file, line: number }, fault);
    for (const line of lines) {
      const place = { file, line: line.number };
      if (this.files.length > maxFiles) return { place, why: `includes more than ${maxFiles} files` };
      const refusal = this.#addLine(place, line.words, only, depth, level);
      if (refusal !== undefined) return refusal;
    }
    const place = { file, line: lines.length === 0 ? 1 : text.split('\n').length };
    return unfinished ? { place, why: 'ends in a backslash, and there is no more' } : undefined;
  }

  #addLine(
    place: Place,
    [type = '', flag, target, ...rest]: readonly string[],
    only: PamPhase | undefined,
    depth: number,
    level: number,
  ): Refusal | undefined {
    // Debian's own: all phases of the other file, or the one that an include above asks for.
    if (type.toLowerCase() === '@include') return this.#include(place, flag, only, depth, level);

    const named = phaseOf(type);
    if (named === undefined) this.#complain(place, `"${type}" is none of auth, account, session and password`);
    const phase = named ?? only ?? 'auth';
    if (only !== undefined && phase !== only) return undefined;
    const stack = this.stacks[phase];
    const entry = { level, module: target ?? '', words: rest, place };
    switch (flag?.toLowerCase()) {
      case undefined:
        this.#complain(place, 'has no control flag');
        stack.push({ ...entry, kind: 'fails', control: everythingIsBad });
        return undefined;
      case 'substack':
        stack.push({ ...entry, kind: 'substack', control: everythingIsBad });
        return this.#include(place, target, phase, depth, level, level + 1);
      case 'include':
        return this.#include(place, target, phase, depth, level);
    }
    const control = parseControl(flag ?? '');
    if (control.fault !== undefined) this.#complain(place, `its control flag ${control.fault}`);
    if (target === undefined) this.#complain(place, 'names no module');
    stack.push({ ...entry, kind: named === undefined || target === undefined ? 'fails' : 'module', control });
    return undefined;
  }

  /** What cannot be included becomes a line that refuses; without a phase to put it in, libpam gives up. */
  #include(
    place: Place,
    name: string | undefined,
    phase: PamPhase | undefined,
    depth: number,
    level: number,
    levelWithin = level,
  ): Refusal | undefined {
    const refusal = this.#tryInclude(place, name, phase, depth, levelWithin);
    if (refusal === undefined || phase === undefined || this.files.length > maxFiles) return refusal;
    this.#complain(refusal.place ?? place, refusal.why);
    const entry = { kind: 'fails', level, control: everythingIsBad, module: name ?? '', words: [], place } as const;
    this.stacks[phase].push(entry);
    return undefined;
  }

  #tryInclude(
    place: Place,
    name: string | undefined,
    phase: PamPhase | undefined,
    depth: number,
    level: number,
  ): Refusal | undefined {
    if (name === undefined) return { place, why: 'names no file' };
    if (depth + 1 >= maxDepth) return { place, why: `includes ${name} at a depth of ${maxDepth}` };
    const found = this.#read(name);
    if (found === undefined) return { place, why: `includes ${name}, which is not there` };
    return this.addFile(found, phase, depth + 1, level);
  }

  #complain(place: Place, text: string): void {
    const isKnown = this.faults.some(
      known => known.place.file === place.file && known.place.line === place.line && known.text === text,
    );
    if (!isKnown) this.faults.push({ place, text });
  }
}

/** A `-` before it: libpam does not log it if the module is missing. The line refuses all the same. */
function phaseOf(type: string): PamPhase | undefined {
  const name = type.replace(/^-/, '').toLowerCase();
  return name === 'auth' || name === 'account' || name === 'session' || name === 'password' ? name : undefined;
}
