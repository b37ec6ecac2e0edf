import { spawn } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { silentConversation } from '../../src/terminal/silent.ts';

t.test('nobody can be asked, and messages are written, a line each', async t => {
  const written: string[] = [];
  const conversation = silentConversation(text => written.push(text));
  t.equal(conversation.interactive, false);
  t.same(await conversation.promptEchoOn('Code: '), { kind: 'unable' });
  t.same(await conversation.promptEchoOff('Code: '), { kind: 'unable' });
  conversation.textInfo('Waiting for your approval.');
  conversation.errorMsg('Refused.');
  t.same(written, ['Waiting for your approval.\n', 'Refused.\n']);
});

const source = join(import.meta.dirname, '../../src/terminal/silent.ts');

for (const [name, redirection] of [
  ['has no reader any more', '| { exec <&-; read -r gone; }'],
  ['is closed', '2>&-'],
  ['is full', '2>/dev/full'],
] as const) {
  t.test(`a message does no harm when standard error ${name}`, async t => {
    const code = `
      import { silentConversation } from '${source}';
      setTimeout(() => { silentConversation().textInfo('hello'); process.exitCode = 7; }, 100);`;
    const child = spawn('/bin/bash', [
      '-c',
      `{ "$0" --input-type=module -e "$1" 2>&1 ${redirection}; exit "\${PIPESTATUS[0]}"; }`,
      process.execPath,
      code,
    ]);
    const status = await new Promise(resolve => child.on('exit', resolve));
    t.equal(status, 7);
  });
}
