import { native } from './native.ts';

/** One line to syslog(3), facility authpriv; what does not listen there is not known. The system adds time and name. */
export function toSystemLog(line: string): void {
  native().logToSystem(line.trimEnd());
}
