import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { onTerminal, program, quote } from './on-pty.ts';

const ask = program("said(await terminal.promptEchoOn('Code: '));");
const askSecretly = program("said(await terminal.promptEchoOff('Password: '));");

t.test('what is typed is shown and is the answer', async t => {
  const screen = onTerminal(ask);
  await screen.shows('Code: ');
  screen.type('123456\r');
  await screen.exit;
  t.match(screen.text(), 'Code: 123456\r\n');
  t.match(screen.text(), '{"kind":"answer","text":"123456"}');
});

t.test('a hidden answer is not shown', async t => {
  const screen = onTerminal(askSecretly);
  await screen.shows('Password: ');
  screen.type('hunter2\r');
  await screen.exit;
  t.equal(screen.text(), 'Password: \r\n{"kind":"answer","text":"hunter2"}\r\n');
});

t.test('a line can be edited before it is entered', async t => {
  const screen = onTerminal(ask);
  await screen.shows('Code: ');
  screen.type('no\x15grüße€\x7f\x7fé\x1b[D\x1b[3~\0!\r');
  await screen.exit;
  t.match(screen.text(), '"text":"grüßé!"');
  t.match(screen.text(), '\r\x1b[KCode: grüß', 'and is drawn anew after an erasure');
});

for (const [name, keys] of [
  ['Ctrl-C', '12\x03'],
  ['Ctrl-D on an empty line', '\x04'],
  ['Ctrl-\\', '12\x1c'],
] as const) {
  t.test(`${name} cancels the question`, async t => {
    const screen = onTerminal(ask);
    await screen.shows('Code: ');
    screen.type(keys);
    t.match(await screen.exit, { exitCode: 0 }, 'and no signal is sent');
    t.match(screen.text(), '{"kind":"cancelled"}');
  });
}

t.test('Ctrl-D behind something typed does nothing', async t => {
  const screen = onTerminal(ask);
  await screen.shows('Code: ');
  screen.type('12\x0434\r');
  await screen.exit;
  t.match(screen.text(), '"text":"1234"');
});

t.test('questions follow one another, and what is typed ahead answers the next', async t => {
  const screen = onTerminal(
    program("for (const n of [1, 2, 3]) said(await terminal.promptEchoOn(n + '? ')); terminal.textInfo('done');"),
  );
  await screen.shows('1? ');
  screen.type('one\rtwo\r');
  await screen.shows('3? ');
  screen.type('three\r');
  await screen.exit;
  t.match(screen.text(), /"one"[^]*"two"[^]*"three"[^]*done\r\n$/);
});

t.test('a question that is withdrawn disappears', async t => {
  const screen = onTerminal(
    program(`
      const controller = new AbortController();
      process.on('SIGUSR2', () => controller.abort());
      writeSync(1, process.pid + ' is asking\\n');
      said(await terminal.promptEchoOn('Code: ', controller.signal));
      said(await terminal.promptEchoOn('Again: ', controller.signal));`),
  );
  await screen.shows('Code: ');
  screen.type('12');
  await screen.shows('Code: 12');
  process.kill(Number.parseInt(screen.text(), 10), 'SIGUSR2');
  await screen.exit;
  t.match(screen.text(), 'Code: 12\r\x1b[K{"kind":"withdrawn"}\r\n{"kind":"withdrawn"}\r\n');
});

t.test('a message that comes while a question is open stands above it, and nothing typed is lost', async t => {
  const screen = onTerminal(
    program(`
      process.on('SIGUSR2', () => terminal.textInfo('The push was refused.'));
      writeSync(1, process.pid + ' is asking\\n');
      said(await terminal.promptEchoOn('Code: '));`),
  );
  await screen.shows('Code: ');
  screen.type('123');
  await screen.shows('Code: 123');
  process.kill(Number.parseInt(screen.text(), 10), 'SIGUSR2');
  await screen.shows('Code: 123', 2);
  screen.type('456\r');
  await screen.exit;
  t.match(screen.text(), '\r\x1b[KThe push was refused.\r\nCode: 123456\r\n');
  t.match(screen.text(), '"text":"123456"');
});

for (const shell of ['bash --norc --noprofile -i', 'dash -i', 'zsh -f -i', 'cat']) {
  t.test(`what is typed behind the answer is for ${shell}`, async t => {
    const screen = onTerminal(`${ask}; sleep 0.1; exec ${shell}`);
    await screen.shows('Code: ');
    screen.type('123456\recho here $((40+2))\r\x04');
    await screen.shows(shell === 'cat' ? 'here $((40+2))' : 'here 42');
    t.match(screen.text(), '"text":"123456"');
    screen.hangUp();
    await screen.exit;
  });
}

/** Settings that nobody has, so that every one that is not put back is seen. */
const odd = 'stty -icrnl inlcr -icanon istrip -opost -echoe kill ^X min 3 time 2';

for (const [way, command, keys] of [
  ['an answer', ask, '123\r'],
  ['a hidden answer', askSecretly, '123\r'],
  ['Ctrl-C', ask, '1\x03'],
  ['SIGTERM', ask, 'SIGTERM'],
  ['SIGHUP', ask, 'SIGHUP'],
  ['SIGINT', ask, 'SIGINT'],
  ['an exception', program("setTimeout(() => { throw 1; }, 200); await terminal.promptEchoOn('Code: ');"), ''],
  ['an exit', program("setTimeout(() => process.exit(3), 200); await terminal.promptEchoOn('Code: ');"), ''],
] as const) {
  t.test(`after ${way} the terminal is set as it was before`, async t => {
    const dir = t.testdir();
    const screen = onTerminal(`cd ${quote(dir)}; ${odd}; stty -g >before; ${command}; stty -g >after`);
    await screen.shows(way === 'a hidden answer' ? 'Password: ' : 'Code: ');
    if (keys.startsWith('SIG')) process.kill(childOf(screen.pid), keys);
    else screen.type(keys);
    await screen.exit;
    t.equal(readFileSync(join(dir, 'after'), 'utf8'), readFileSync(join(dir, 'before'), 'utf8'));
  });
}

function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
}

t.test('without a terminal there is nothing to open', async t => {
  const dir = t.testdir();
  const screen = onTerminal(
    `setsid sh -c ${quote(`${program('')} </dev/null 2>${quote(join(dir, 'error'))}`)}; sleep 0`,
  );
  await screen.exit;
  t.match(readFileSync(join(dir, 'error'), 'utf8'), /undefined/);
});

t.test('when the terminal goes away, the question is cancelled', async t => {
  const dir = t.testdir();
  const result = join(dir, 'result');
  const screen = onTerminal(
    program(`
      import { renameSync, writeFileSync } from 'node:fs';
      process.on('SIGHUP', () => {}); // as login does
      const answer = await terminal.promptEchoOn('Code: ');
      await terminal.close();
      writeFileSync('${result}.new', answer.kind + ' ' + (await terminal.promptEchoOn('Again: ')).kind);
      renameSync('${result}.new', '${result}');`),
  );
  await screen.shows('Code: ');
  screen.hangUp();
  while (!existsSync(result)) await setTimeout(10); // node-pty does not wait for the process once it has hung up
  t.equal(readFileSync(result, 'utf8'), 'cancelled cancelled');
});

t.test('the descriptors that the shell will have stay as they are', async t => {
  const flags = "const flags = () => [0, 1, 2].map(fd => readFileSync('/proc/self/fdinfo/' + fd, 'utf8'));";
  const screen = onTerminal(
    program(`
      import { readFileSync } from 'node:fs';
      ${flags}
      const before = flags();
      const answer = terminal.promptEchoOn('Code: ');
      terminal.textInfo('now');
      said({ kind: JSON.stringify(before) === JSON.stringify(flags()) });
      await answer;
      await terminal.close();
      said({ kind: JSON.stringify(before) === JSON.stringify(flags()) });`),
  );
  await screen.shows('Code: ', 2);
  screen.type('1\r');
  await screen.exit;
  t.match(screen.text(), /"kind":true[^]*"kind":true/);
});
