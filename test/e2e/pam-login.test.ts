/** login at a console, with the sample lines: when it gives up. */
import t from 'tap';
import { asksCode, asksPassword, installLines, readSample, readShipped } from '../helpers/e2e/pam-samples.ts';
import { password, startSamplesSite } from '../helpers/e2e/pam-samples-site.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';

const { site } = await startSamplesSite(t, ['alice']);
installLines('login', readSample('debian', 'login'), readShipped('debian', 'login'));
const { alice } = site.members;
const decision = async () => await site.daemon.audited(line => line['event'] === 'decision');

/** At the question for a code. */
async function login(): Promise<Terminal> {
  const console = new Terminal(['login']);
  await console.expect(/login: $/);
  console.send('alice\r');
  await console.expect(asksPassword);
  console.send(`${password}\r`);
  await console.expect(asksCode);
  return console;
}

t.test('wrong codes end it, without another try', async t => {
  const console = await login();
  console.send(`${alice.wrongCode()}\r`);
  await console.expect(/Wrong code/);
  await console.expect(asksCode);
  console.send(`${alice.wrongCode()}\r`);
  await console.expect(asksCode);
  console.send(`${alice.wrongCode()}\r`);
  await console.expect(/Maximum number of tries exceeded/);
  await console.ended();
  t.match(await decision(), { decision: 'deny', account: 'alice' });
});

t.test('its own timeout ends the question', async t => {
  const console = await login();
  process.kill(console.pid, 'SIGALRM'); // as its alarm(2) does, LOGIN_TIMEOUT seconds after it was started
  await console.expect(/Login timed out after \d+ seconds/);
  await console.ended();
  t.match(await decision(), { decision: 'deny', reason: 'disconnected', account: 'alice' });
});
