/** A private host on which trasa-agent is installed, and nothing is set up: for `trasa-agent setup`. */
import { copyFileSync, existsSync, globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  addService,
  caFile,
  type Daemon,
  type Server,
  type Service,
  startDaemon,
  startDevice,
  startServer,
} from './agent.ts';
import { Background, type Finished, run } from './background.ts';
import { startOwnSshd } from './own-sshd.ts';
import { modulePath } from './pam.ts';
import { agent } from './private-host.ts';
import { type Member, makeMember, service } from './site.ts';
import { ssh } from './ssh.ts';
import type { Sshd } from './sshd.ts';
import { until } from './until.ts';
import { authorize } from './users.ts';

export const dropIn = '/etc/ssh/sshd_config.d/10-trasa-agent.conf';
export const pamFile = '/etc/pam.d/sshd';

export interface SetupHost<Name extends string> {
  readonly server: Server;
  readonly daemon: Daemon;
  readonly sshd: Sshd;
  readonly members: Record<Name, Member>;
  readonly credentials: Service;
  /** `trasa-agent setup --yes` with this server, and what else is said. */
  setup(flags: readonly string[], changes?: { readonly key?: string; readonly url?: string }): Promise<Finished>;
  stop(): Promise<void>;
}

/** Every member may become root without a question, who has to confirm. */
export async function startSetupHost<Name extends string>(names: readonly Name[]): Promise<SetupHost<Name>> {
  if (existsSync(modulePath))
    for (const folder of globSync('/usr/lib/*/security')) copyFileSync(modulePath, join(folder, 'pam_trasa.so'));
  writeFileSync('/etc/sudoers', 'ALL ALL=(ALL) NOPASSWD: ALL\n', { mode: 0o440 });
  const server = await startServer();
  const credentials = await addService(service);
  const members: Partial<Record<Name, Member>> = {};
  const sshd = await startOwnSshd();
  for (const name of names) {
    const member = await makeMember(name, server);
    authorize(member.user, sshd.publicKey);
    members[name] = member;
  }
  const daemon = await startDaemon();
  const { serviceID, serviceKey } = credentials;
  const persons = names.flatMap(name => ['--person', `${name}=${name}@example.com`]);
  return {
    server,
    daemon,
    sshd,
    members: members as Record<Name, Member>,
    credentials,
    setup: async (flags, { key = serviceKey, url = server.url } = {}) => {
      const where = ['--server', url, '--ca-file', caFile, '--pin', server.pin, '--service-id', serviceID];
      const words = ['setup', '--yes', ...where, '--service-key-file', '-', ...persons, ...flags];
      return await run([agent, ...words], { input: `${key}\n` });
    },
    stop: async () => {
      await sshd.stop();
      await daemon.stop();
      await server.stop();
    },
  };
}

/** What setup may touch, byte for byte. */
export function files(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const folder of [
    '/etc/trasa',
    '/etc/ssh',
    '/etc/ssh/sshd_config.d',
    '/etc/pam.d',
    '/etc/cron.d',
    '/var/lib/trasa-setup',
  ])
    for (const entry of existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [])
      if (entry.isFile()) found[join(folder, entry.name)] = readFileSync(join(folder, entry.name), 'latin1');
  return found;
}

/** The program that is setup, and can be killed after a step. */
export const cutShort = join(import.meta.dirname, 'killed-setup.ts');

export interface CutShort {
  /** What setup may touch, as it was before. */
  readonly before: Record<string, string>;
  /** @param words of {@link cutShort} */
  setUpWith(revertAfterMs: number, ...words: string[]): Background;
  setUpUntil(step: string, revertAfterMs: number): Promise<Finished>;
  /** By a key; where the second factor is asked for already, by a push. */
  canLogIn(): Promise<boolean>;
  untilUndone(): Promise<void>;
  stop(): Promise<void>;
}

/** With a device of alice's that approves everything. */
export async function startCutShort(host: SetupHost<'alice'>): Promise<CutShort> {
  const { server, credentials, members, sshd } = host;
  const phone = startDevice(members.alice.device, ['--yes']);
  await phone.printed(/Waiting for pushes/);
  const before = files();
  const setUpWith = (revertAfterMs: number, ...words: string[]): Background => {
    const wishes = {
      door: 'pam',
      firstFactor: 'key',
      server: [server.url],
      pin: [server.pin],
      caFile,
      serviceId: credentials.serviceID,
      serviceKey: credentials.serviceKey,
      domain: 'example.com',
      observe: false,
      revertAfterMs,
    };
    return new Background([process.execPath, cutShort, ...words], { input: JSON.stringify(wishes) });
  };
  return {
    before,
    setUpWith,
    setUpUntil: async (step, revertAfterMs) => await setUpWith(revertAfterMs, step).finished,
    canLogIn: async () => (await ssh(sshd, 'alice', ['true'])).status === 0,
    untilUndone: async () => {
      const isUndone = (): boolean => JSON.stringify(files()) === JSON.stringify(before);
      await until('the timer to undo everything', isUndone);
    },
    stop: async () => {
      await phone.stop();
      await host.stop();
    },
  };
}
