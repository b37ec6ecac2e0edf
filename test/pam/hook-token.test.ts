import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { answerFrom, readAnswer } from '../../src/pam/token.ts';

t.test('six to eight digits are a code, with the blanks that people put between', async t => {
  for (const token of ['123456', '12345678', '123 456', ' 123456\t', '123456\0']) {
    const code = answerFrom(token);
    t.equal(code?.expose(), token.replace(/[ \t\0]/g, ''), JSON.stringify(token));
  }
});

t.test('a recovery code is one, in its one spelling; with a typing error it is not', async t => {
  for (const token of ['rc-00000-00000-0020V', 'RC 00000 00000 0020v'])
    t.equal(answerFrom(token)?.expose(), 'rc-00000-00000-0020V');
  t.equal(answerFrom('rc-00000-00000-0020W'), undefined);
});

t.test('anything else is none: empty, the word push, a password, other digits than ASCII', async t => {
  for (const token of ['', 'push', '12345', '123456789', '12345a', '-123456', '１２３４５６'])
    t.equal(answerFrom(Buffer.from(token).toString('latin1')), undefined, JSON.stringify(token));
});

t.test('what sshd answers in the place of root is no code, and asks for nothing', async t => {
  for (const junk of ['\b', '\b\n\r\x7fINCORRECT\b\n', '123456\n', '1234\x0056'])
    t.equal(answerFrom(junk)?.expose(), '?');
});

/** What a program with this on its descriptor 0 reads. */
async function read(write: (input: NodeJS.WritableStream) => void): Promise<string> {
  const token = join(import.meta.dirname, '../../src/pam/token.ts');
  const program = `import { readAnswer } from ${JSON.stringify(token)};
    console.log((await readAnswer())?.expose() ?? 'none'); process.exit();`;
  // A shell's pipe, as pam_exec makes one; Node itself would give a socket.
  const command = `cat | exec "$NODE" --input-type=module -e "$PROGRAM"`;
  const child = spawn('sh', ['-c', command], {
    env: { ...process.env, NODE: process.execPath, PROGRAM: program },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => {});
  write(child.stdin);
  const [output] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  child.stdin.destroy();
  return output;
}

t.test('the token comes through the pipe, and its end is the end of the pipe', async t => {
  t.equal(await read(input => input.end('123456')), '123456');
  t.equal(await read(input => input.end('correct horse')), 'none');
  t.equal(await read(input => input.end()), 'none');
});

t.test('what is longer than a PAM answer is no code and is not read to its end', async t => {
  t.equal(await read(input => input.write(`123456${' '.repeat(600)}`)), 'none');
});

t.test('a pipe that somebody keeps open does not keep the login', async t => {
  t.equal(await read(input => input.write('123456')), '123456');
});

t.test('what is not a pipe is not read', async t => {
  t.equal(await readAnswer(openSync('/dev/zero', 'r')), undefined);
});
