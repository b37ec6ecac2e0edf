/** A whole installation on a private host: embedded server, daemon, sshd with the agent, and people with their factors. */
import { Secret } from '../../../src/otp/secret.ts';
import { totpAt } from '../../../src/otp/totp.ts';
import {
  addPerson,
  addService,
  configFor,
  type Daemon,
  enrolPush,
  enrolTotp,
  type Server,
  startDaemon,
  startServer,
} from './agent.ts';
import { type Sshd, type SshdOptions, startSshd } from './sshd.ts';
import { addUser, authorize, type User } from './users.ts';

export interface Member {
  readonly user: User;
  readonly email: string;
  /** Of the push device, for startDevice(). */
  readonly device: string;
  /**
   * A code that was not typed yet: of the present time step, or of the one after it. Not of the one before, which is too
   * old as soon as the step ends.
   */
  code(): string;
  /** A code that is none, and that nobody else types: a host takes a code from one person at a time. */
  wrongCode(): string;
}

export interface Site {
  readonly server: Server;
  /** The one that runs now. */
  readonly daemon: Daemon;
  readonly sshd: Sshd;
  /** The daemon's configuration, but for the people. */
  readonly config: string;
  restartDaemon(): Promise<void>;
  stop(): Promise<void>;
}

export const service = 'web1';

/**
 * @param members account names; each becomes a user, a person `NAME@example.com`, a TOTP credential and a push device
 * @param config more lines of trasa-agent.toml: sections
 */
export async function startSite<Name extends string>(
  members: readonly Name[],
  config = '',
  sshdOptions: SshdOptions = {},
): Promise<Site & { readonly members: Record<Name, Member> }> {
  const server = await startServer();
  const credentials = await addService(service);
  const made: Partial<Record<Name, Member>> = {};
  for (const name of members) made[name] = await makeMember(name, server);
  const people = members.map(name => `${name} = "${name}@example.com"`).join('\n');
  const whole = `${configFor(server, credentials)}\n${config}\n[identity.people]\n${people}\n`;
  let daemon = await startDaemon(whole);
  const sshd = await startSshd(sshdOptions);
  for (const name of members) authorize(member(made, name).user, sshd.publicKey);
  return {
    server,
    get daemon() {
      return daemon;
    },
    sshd,
    config: whole,
    members: made as Record<Name, Member>,
    restartDaemon: async () => {
      await daemon.stop();
      daemon = await startDaemon(whole);
    },
    stop: async () => {
      await sshd.stop();
      await daemon.stop();
      await server.stop();
    },
  };
}

let lastWrongCode = 0;
/** Codes of any member: a host takes a code from one person at a time. */
const typed = new Set<string>();

export async function makeMember(name: string, server: Pick<Server, 'url'>): Promise<Member> {
  const email = `${name}@example.com`;
  await addPerson(email, service, [name]);
  const secret = new Secret(await enrolTotp(email));
  const parameters = { secret, algorithm: 'sha1', digits: 6, periodSeconds: 30 } as const;
  const codes = (...steps: readonly number[]): string[] =>
    steps.map(step => totpAt(parameters, Date.now() + step * 30_000).expose());
  return {
    user: addUser({ name }),
    email,
    device: await enrolPush(email, server),
    code() {
      const fresh = codes(0, 1).find(code => !typed.has(code));
      if (fresh === undefined) throw new Error('two codes were used within half a minute; use another member');
      typed.add(fresh);
      return fresh;
    },
    wrongCode() {
      const right = codes(-1, 0, 1, 2, 3); // by the time that it is looked at, too
      for (;;) {
        const code = String((lastWrongCode += 7919) % 1_000_000).padStart(6, '0');
        if (right.includes(code) || typed.has(code)) continue;
        typed.add(code);
        return code;
      }
    },
  };
}

function member<Name extends string>(made: Partial<Record<Name, Member>>, name: Name): Member {
  const found = made[name];
  if (found === undefined) throw new Error(`no member ${name}`);
  return found;
}
