/** `trasa-agent setup` at a terminal asks for what it has not been told. */
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { module, needsDoor } from '../helpers/e2e/pam.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { files, startSetupHost } from '../helpers/e2e/setup-host.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';

needsDoor(t, module);
privateHost(t);
const host = await startSetupHost(['alice']);
t.teardown(async () => await host.stop());
const before = files();
const { serviceID, serviceKey } = host.credentials;

/** Up to the question whether to go on. */
async function answers(): Promise<Terminal> {
  const terminal = new Terminal([agent, 'setup']);
  for (const [question, answer] of [
    [/\[pam\/pam-exec\/force-command\] $/, 'pam'],
    [/\[key\/password\/any\] $/, 'key'],
    [/URL of the TRASA server .*: $/, host.server.url],
    [/Pin of its key.*: $/, host.server.pin],
    [/serviceID .*: $/, serviceID],
    [/serviceKey .*: $/, serviceKey],
    [/Users .*: $/, 'alice'],
    [/Groups .*: $/, ''],
    [/Mail domain .*: $/, 'example.com'],
    [/Only try it out.*\] $/, 'no'],
  ] as const) {
    await terminal.expect(question);
    terminal.send(`${answer}\r`);
  }
  await terminal.expect(/These files change[^]*Go on\? \[yes\/no\] $/);
  return terminal;
}

t.test('nothing is done unless the answer is yes', async t => {
  const terminal = await answers();
  terminal.send('y\r');
  t.match(await terminal.ended(), { exitCode: 130 });
  t.match(terminal.output, /Nothing was changed/);
  t.notMatch(terminal.output, serviceKey, 'the key is not shown');
  t.strictSame(files(), before);
});

t.test('and then it is done', async t => {
  const terminal = await answers();
  terminal.send('yes\r');
  t.match(await terminal.ended(), { exitCode: 0 });
  t.match(terminal.output, /trasa-agent setup --confirm/);
  t.match(await run([agent, 'setup', '--revert']), { status: 0 });
  t.strictSame(files(), before);
});

t.test('whoever gives up has changed nothing', async t => {
  const terminal = new Terminal([agent, 'setup']);
  await terminal.expect(/force-command\] $/);
  terminal.send('\u0004');
  t.match(await terminal.ended(), { exitCode: 130 });
  t.strictSame(files(), before);
});
