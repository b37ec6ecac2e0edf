import type { UnsafeFile } from '../host/unsafe-file.ts';
import { cleanText } from '../protocol/clean.ts';
import type { Problem } from './config.ts';

export function problemAt(file: string, line: number | undefined, text: string, hint?: string): Problem {
  return { file, text, ...(line === undefined ? {} : { line }), ...(hint === undefined ? {} : { hint }) };
}

export function unsafeAt(file: string, unsafe: UnsafeFile): Problem {
  return problemAt(file, unsafe.line, unsafe.text, unsafe.hint);
}

/** `file:line: text`, and perhaps a second line with a hint. Fit for a terminal and a log. */
export function formatProblem(problem: Problem): string {
  const line = problem.line === undefined ? '' : `:${problem.line}`;
  const first = cleanText(`${problem.file}${line}: ${problem.text}`, 500);
  return problem.hint === undefined ? first : `${first}\n  hint: ${cleanText(problem.hint, 300)}`;
}
