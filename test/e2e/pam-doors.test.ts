/** The same stories through every door that sshd has, and the same Decision at each. */
import t from 'tap';
import { startDaemon, startDevice } from '../helpers/e2e/agent.ts';
import { hook, keyThenPam, module, needsDoor, type PamDoor, startPamSshd, writeStack } from '../helpers/e2e/pam.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { type Member, startSite } from '../helpers/e2e/site.ts';
import type { Sshd } from '../helpers/e2e/sshd.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';
import { addUser, authorize } from '../helpers/e2e/users.ts';

needsDoor(t, module);
privateHost(t);

// One try: that is what pam_exec can give, so that all doors can be compared.
const policy = '[policy]\nattempts = 1\nexemptUsers = ["robot"]\n';
const doors = ['login', 'pam-exec', 'pam'] as const;
type Door = (typeof doors)[number];
const names = doors.flatMap(door => ['code', 'push', 'no'].map(story => `${door}-${story}`));
const site = await startSite(names, policy);
const withPam = await startPamSshd({ extraConfig: keyThenPam });
const robot = addUser({ name: 'robot' });
for (const user of [...Object.values(site.members).map(member => member.user), robot])
  for (const { publicKey } of [withPam, site.sshd]) authorize(user, publicKey);
t.teardown(async () => {
  await withPam.stop();
  await site.stop();
});

const behindPam: Record<Exclude<Door, 'login'>, PamDoor> = { 'pam-exec': hook, pam: module };

/** Answers every question with `answer`, and Enter after that. */
async function enter(door: Door, user: string, answer: string): Promise<boolean> {
  if (door !== 'login') writeStack('sshd', { auth: behindPam[door].auth });
  const sshd: Sshd = door === 'login' ? site.sshd : withPam;
  const flags = ['-tt', '-o', 'NumberOfPasswordPrompts=1', '-o', 'LogLevel=INFO'];
  const terminal = new Terminal(['ssh', '-F', sshd.configFile, ...flags, `${user}@target`, 'echo has entered']);
  const isAsked = async (): Promise<boolean> =>
    await terminal.expect(/(?:push|[Cc]ode|assword): $/).then(
      () => true,
      () => false,
    );
  for (let said = answer; await isAsked(); said = '') terminal.send(`${said}\r`);
  await terminal.ended();
  return /has entered/.test(terminal.output);
}

interface Story {
  readonly title: string;
  readonly play: (door: Door) => Promise<boolean>;
  readonly enters: boolean;
  readonly decision: Record<string, unknown>;
}

const used = new Map<Door, string>();
const member = (door: Door, story: string): Member => {
  const found = site.members[`${door}-${story}`];
  if (found === undefined) throw new Error(`no member for ${story}`);
  return found;
};
const pushed = async (door: Door, story: string, flag: string): Promise<boolean> => {
  const { device, user } = member(door, story);
  const phone = startDevice(device, [flag, '--once']);
  await phone.printed(/Waiting for pushes/);
  const hasEntered = await enter(door, user.name, '');
  await phone.finished;
  return hasEntered;
};

const stories: readonly Story[] = [
  {
    title: 'a code',
    play: async door => {
      const { code, user } = member(door, 'code');
      used.set(door, code());
      return await enter(door, user.name, used.get(door) ?? '');
    },
    enters: true,
    decision: { decision: 'allow', reason: 'totp', factor: 'totp' },
  },
  {
    title: 'the same code again',
    play: async door => await enter(door, member(door, 'code').user.name, used.get(door) ?? ''),
    enters: false,
    decision: { decision: 'deny', reason: 'replayed-code', factor: null },
  },
  {
    title: 'a wrong code',
    play: async door => await enter(door, member(door, 'code').user.name, member(door, 'code').wrongCode()),
    enters: false,
    decision: { decision: 'deny', reason: 'wrong-code', factor: 'totp' },
  },
  {
    title: 'a push that is approved',
    play: async door => await pushed(door, 'push', '--yes'),
    enters: true,
    decision: { decision: 'allow', reason: 'push', factor: 'push' },
  },
  {
    title: 'a push that is refused',
    play: async door => await pushed(door, 'no', '--no'),
    enters: false,
    decision: { decision: 'deny', reason: 'push-refused', factor: 'push' },
  },
  {
    title: 'another push after that',
    play: async door => await enter(door, member(door, 'no').user.name, ''),
    enters: false,
    decision: { decision: 'deny', reason: 'push-cooling-down' },
  },
  {
    title: 'an account that the rules exempt',
    play: async door => await enter(door, 'robot', ''),
    enters: true,
    decision: { decision: 'bypass', reason: 'exempt-user', factor: null },
  },
];

for (const { title, play, enters, decision } of stories)
  t.test(title, async t => {
    for (const door of doors) {
      t.equal(await play(door), enters, door);
      t.match(await site.daemon.audited(line => line['event'] === 'decision'), { ...decision, door });
    }
  });

t.test('a server that is away', async t => {
  await site.daemon.stop();
  await site.server.stop();
  for (const [mode, enters] of [
    ['secure', false],
    ['safe', true],
  ] as const) {
    const daemon = await startDaemon(site.config.replace('attempts = 1', `attempts = 1\nfailMode = "${mode}"`));
    for (const door of doors) {
      t.equal(await enter(door, member(door, 'push').user.name, ''), enters, `${door}, fail ${mode}`);
      const reason = enters ? { decision: 'bypass', reason: 'fail-safe' } : { reason: 'server-unavailable' };
      t.match(await daemon.audited(line => line['event'] === 'decision'), { ...reason, door });
    }
    await daemon.stop();
  }
});
