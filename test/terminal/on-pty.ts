/** Programs on a real terminal, to be typed at. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pty from 'node-pty';

export interface Screen {
  /** All that was written so far. */
  readonly text: () => string;
  readonly type: (keys: string) => void;
  /** Resolves when the text has `part` in it (`times` times). */
  readonly shows: (part: string, times?: number) => Promise<void>;
  readonly exit: Promise<{ exitCode: number; signal?: number | undefined }>;
  /** Takes the terminal away, as sshd does when the client is gone. */
  readonly hangUp: () => void;
  readonly pid: number;
}

const source = pathToFileURL(join(import.meta.dirname, '../../src/terminal/terminal.ts')).href;

/** A shell command that runs `body`, in which `terminal` is open; `said(answer)` prints one. */
export function program(body: string): string {
  const code = `
    import { writeSync } from 'node:fs';
    import { openTerminal } from '${source}';
    const terminal = openTerminal();
    const said = ({ kind, text }) => writeSync(1, JSON.stringify({ kind, text: text?.expose() }) + '\\n');
    ${body}
    await terminal.close();`;
  return `${quote(process.execPath)} --input-type=module -e ${quote(code)}`;
}

/** Runs shell commands on a terminal of their own. */
export function onTerminal(commands: string): Screen {
  const terminal = pty.spawn('/bin/sh', ['-c', commands], { cols: 200, rows: 50, encoding: 'utf8' });
  let text = '';
  let look = (): void => {};
  terminal.onData(data => {
    text += data;
    look();
  });
  return {
    text: () => text,
    type: keys => terminal.write(keys),
    shows: async (part, times = 1) =>
      await new Promise(resolve => {
        look = () => {
          if (text.split(part).length > times) resolve();
        };
        look();
      }),
    exit: new Promise(resolve => {
      terminal.onExit(resolve);
    }),
    hangUp: () => {
      const destroy: unknown = Reflect.get(terminal, 'destroy'); // missing in node-pty's types
      if (typeof destroy === 'function') Reflect.apply(destroy, terminal, []);
    },
    pid: terminal.pid,
  };
}

export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
