/**
 * A proxy in the process of the test, before a real sshd that trusts its User CA, on a private host: policy is what the
 * test says at the moment. Alice comes by OpenSSH's clients, with one registered key and a code.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Grant, usualGrant } from '../../../src/policy/grant.ts';
import { parsePublicKeyLine } from '../../../src/ssh/key-line.ts';
import { type PrivateJwk, privateKeyFile } from '../../../src/ssh/private-key.ts';
import { type InProcess, type InProcessOptions, inProcess } from '../../proxy/in-process.ts';
import { type Finished, run, type StartOptions } from './background.ts';
import { answering } from './proxy.ts';
import { type Sshd, startSshd } from './sshd.ts';
import { addUser, authorize, type User } from './users.ts';

export interface GrantedSite {
  readonly proxy: InProcess;
  /** The host of the service `real`. The service `web1` is what the options play. */
  readonly sshd: Sshd;
  readonly alice: User;
  /** ssh_config(5): `real` by the proxy, `proxy` to jump, `behind` by a jump to `real` with keys of its own. */
  readonly config: string;
  /** What policy grants from now on, for every service. */
  grant(grant: Grant): Promise<void>;
  /** `ssh -F config WORDS…` */
  ssh(words: readonly string[], options?: StartOptions): Promise<Finished>;
  /** Proves the second factor, for all that comes within its grace. @param target as the log names it */
  prove(destination: string, target?: string): Promise<void>;
}

export async function startGrantedSite(
  t: Pick<Test, 'teardown'>,
  options: InProcessOptions & { readonly sshdConfig?: string } = {},
): Promise<GrantedSite> {
  const folder = mkdtempSync('/root/granted-');
  const alice = addUser({ name: 'alice' });
  const userCA = join(folder, 'user_ca.pub');
  const sshd = await startSshd({
    forceCommand: '',
    extraConfig: `TrustedUserCAKeys ${userCA}\n${options.sshdConfig ?? ''}`,
  });
  t.teardown(async () => await sshd.stop());
  authorize(alice, sshd.publicKey);
  const hostKey = parsePublicKeyLine(sshd.hostKey);
  if (hostKey.kind !== 'parsed') throw new Error(hostKey.text);
  const proxy = await inProcess(t, {
    graceMs: 600_000,
    outcome: proof => (proof.factor === 'totp' ? { kind: 'valid' } : { kind: 'invalid' }),
    grantFor: () => usualGrant(false),
    proxy: { maxStartupsPerAddress: 50, penaltyExempt: '127.0.0.0/8' },
    ...options,
    others: [{ name: 'real', port: sshd.port, hostKeys: [hostKey.value.key] }],
  });
  writeFileSync(userCA, proxy.userCA);
  const identity = join(folder, 'alice');
  const jwk = proxy.alice.privateKey.export({ format: 'jwk' }) as PrivateJwk;
  writeFileSync(identity, privateKeyFile(jwk, 'alice', 1) ?? '', { mode: 0o600 });
  const known = join(folder, 'known_hosts');
  writeFileSync(known, `[127.0.0.1]:${proxy.port} ${proxy.hostKey}\nreal ${sshd.hostKey}`);
  const config = join(folder, 'ssh_config');
  writeFileSync(
    config,
    `Host proxy
  User jump
Host real
  User alice@real
Host web1
  User alice@web1
Host behind
  HostName real
  User alice
  IdentityFile ${sshd.privateKey}
  ProxyJump proxy
Host proxy real web1
  HostName 127.0.0.1
  Port ${proxy.port}
  IdentityFile ${identity}
Host *
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${known}
  StrictHostKeyChecking yes
`,
  );
  let codes = 100_000;
  return {
    proxy,
    sshd,
    alice,
    config,
    grant: async grant => await proxy.grant(grant),
    ssh: async (words, more) => await run(['ssh', '-F', config, ...words], more),
    prove: async (destination, target = destination) => {
      const sessions = (): number =>
        proxy.lines.filter(line => line['event'] === 'session-start' && line['target'] === target).length;
      const before = sessions();
      const { stderr } = await answering(['ssh', '-F', config, destination, 'true'], { OTP: String(codes++) });
      if (sessions() === before) throw new Error(`no login: ${stderr}`);
    },
  };
}
