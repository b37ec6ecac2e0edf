/** sudo, su and login with the sample lines of a distribution: a password, then the second factor. */
import t from 'tap';
import { startDevice } from '../helpers/e2e/agent.ts';
import { asksCode, asksPassword, asksWhilePushing, atTerminal } from '../helpers/e2e/pam-samples.ts';
import { password, type SamplesSite } from '../helpers/e2e/pam-samples-site.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';
import { until } from '../helpers/e2e/until.ts';

export interface Ways {
  /** What a wrong password comes to: the end, or another question that is in vain. */
  readonly afterWrongPassword: 'nothing' | 'a code in vain';
  /** Services whose second factor may be a push. */
  readonly push: readonly Service[];
}

export const services = ['sudo', 'su', 'login'] as const;
export type Service = (typeof services)[number];
/** An account for each, so that they can be used at once. */
export const callers = ['by-sudo', 'by-su', 'by-login'] as const;

/** At the question for the password, of a person who has a member's account. */
const start: Readonly<Record<Service, (name: string) => Promise<Terminal>>> = {
  sudo: async name => await asked(atTerminal(name, 'sudo', 'id', '-u')),
  su: async name => await asked(atTerminal(name, 'su', 'root', '-c', 'id -u')),
  login: async name => {
    const console = new Terminal(['login']);
    await console.expect(/login: $/);
    console.send(`${name}\r`);
    return await asked(console);
  },
};

async function asked(terminal: Terminal): Promise<Terminal> {
  await terminal.expect(asksPassword);
  return terminal;
}

/** Sees the person in, and out again. */
async function entered(service: Service, name: string, terminal: Terminal): Promise<void> {
  if (service === 'login') {
    await terminal.expect(/\$ $/);
    terminal.send('id -un; exit\r');
    await terminal.expect(new RegExp(`^${name}\r$`, 'm'));
  } else await terminal.expect(/^0\r$/m);
  await terminal.ended();
}

async function refused(terminal: Terminal): Promise<void> {
  await terminal.expect(/try again|incorrect|failure/i);
  terminal.hangUp();
  await terminal.ended();
}

export function passwordStories(
  { site, wiretap }: SamplesSite<(typeof callers)[number]>,
  { afterWrongPassword, push }: Ways,
): void {
  t.test('each service', async t => {
    t.jobs = services.length; // since pam_unix makes who says a wrong password wait
    for (const service of services)
      t.test(service, { buffered: true }, async t => {
        const member = site.members[`by-${service}`];
        const { name } = member.user;
        const decisions = () => site.daemon.audit().filter(line => line['account'] === name);
        const sent = () => wiretap.sent().split(`"user":"${name}"`).length - 1;
        let decided = 0;
        const decision = async () => await until('a decision', () => decisions()[decided]).finally(() => decided++);

        t.test('the right password and a code', async t => {
          const terminal = await start[service](name);
          terminal.send(`${password}\r`);
          await terminal.expect(push.includes(service) ? asksCode : /Code: $/);
          terminal.send(`${member.code()}\r`);
          await entered(service, name, terminal);
          t.match(await decision(), { decision: 'allow', factor: 'totp', door: 'pam', service });
          t.equal(sent(), 1);
        });

        t.test('the right password and a wrong code', async t => {
          const terminal = await start[service](name);
          terminal.send(`${password}\r`);
          await terminal.expect(/(?:Code|push): $/);
          terminal.send(`${member.wrongCode()}\r`);
          await terminal.expect(/(?:Code|push): $/); // once more
          terminal.hangUp();
          await terminal.ended();
          t.match(await decision(), { decision: 'deny' });
          t.equal(sent(), 2);
        });

        t.test('a wrong password', async t => {
          const terminal = await start[service](name);
          terminal.send('wrong horse\r');
          if (afterWrongPassword === 'a code in vain') {
            await terminal.expect(/(?:Code|push): $/);
            terminal.send(`${member.code()}\r`);
            t.match(await decision(), { decision: 'allow' }, 'the second factor by itself');
          }
          await refused(terminal);
          if (afterWrongPassword === 'nothing') {
            t.notMatch(terminal.output, /[Cc]ode/, 'no question');
            t.strictSame([decisions().length, sent()], [decided, 2], 'and nobody hears of it');
          }
          t.notMatch(terminal.output, /^0\r$|\$ $/m);
        });

        if (push.includes(service))
          t.test('the right password and a push', async t => {
            const device = startDevice(member.device, ['--yes', '--once']);
            await device.printed(/Waiting for pushes/);
            const before = sent();
            const terminal = await start[service](name);
            terminal.send(`${password}\r`);
            await terminal.expect(asksCode);
            terminal.send('\r');
            await terminal.expect(asksWhilePushing);
            terminal.send('\r');
            await entered(service, name, terminal);
            await device.finished;
            t.equal(sent() - before, 1);
            t.match(await decision(), { decision: 'allow', factor: 'push' });
          });
      });
  });

  t.test('sudo -i and su - ask for it, too', async t => {
    for (const command of [
      ['sudo', '-i', 'id', '-u'],
      ['su', '-', 'root', '-c', 'id -u'],
    ]) {
      const terminal = await asked(atTerminal('by-login', ...command));
      terminal.send(`${password}\r`);
      await terminal.expect(asksCode);
      terminal.hangUp();
      await terminal.ended();
      t.notMatch(terminal.output, /^0\r$/m);
    }
  });
}
