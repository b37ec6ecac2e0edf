import t from 'tap';
import { onTerminal, program } from './on-pty.ts';

const ask = program("said(await terminal.promptEchoOn('Code: '));");

t.test('of a megabyte that is pasted, what is too much is dropped until the line ends', async t => {
  const screen = onTerminal(`${ask}; read -r next; echo "next is $next"`);
  await screen.shows('Code: ');
  screen.type(`${'x'.repeat(1024 * 1024)}\rls\r`);
  await screen.exit;
  t.match(screen.text(), `"text":"${'x'.repeat(256)}"`);
  t.match(screen.text(), 'next is ls\r\n');
});
