/** A real sshd on loopback, with its own configuration, host key and log, on a private host. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { Background, type Finished } from './background.ts';
import { agent } from './private-host.ts';

/** How ssh, scp, sftp and rsync reach it: `-F configFile user@target`. */
export interface Sshd {
  readonly port: number;
  readonly configFile: string;
  /** The public key whose private half the client offers; see authorize(). */
  readonly publicKey: string;
  /** The file of the private half, for clients that do not read configFile. */
  readonly privateKey: string;
  /** Its own public key, for them too. */
  readonly hostKey: string;
  readonly process: Background;
  /**
   * All that sshd has logged so far. What it says as it sends a client away comes by way of another of its processes, and
   * may be there later than the client is gone: wait for that by `process.printed()`.
   */
  log(): string;
  stop(): Promise<Finished>;
}

export interface SshdOptions {
  /** Undefined: `trasa-agent login`; empty: none, a plain sshd. */
  readonly forceCommand?: string;
  /** More lines of sshd_config(5). They come first, where the first value wins. */
  readonly extraConfig?: string;
  readonly usePam?: boolean;
  /** Undefined: a free one. */
  readonly port?: number;
  /** Match blocks. */
  readonly matches?: string;
  /** Words before the program: those of another OpenSSH. */
  readonly under?: readonly string[];
}

export async function startSshd({
  forceCommand = `exec ${agent} login`,
  extraConfig = '',
  usePam = false,
  matches = '',
  port: wantedPort,
  under = [],
}: SshdOptions = {}): Promise<Sshd> {
  const folder = mkdtempSync('/etc/test-sshd-');
  const hostKey = makeKey(folder, 'host');
  const userKey = makeKey(folder, 'user');
  const port = wantedPort ?? (await freePort());
  const serverConfig = join(folder, 'sshd_config');
  writeFileSync(
    serverConfig,
    `${extraConfig}
ListenAddress 127.0.0.1:${port}
HostKey ${hostKey}
PidFile none
LogLevel VERBOSE
UsePAM ${usePam ? 'yes' : 'no'}
StrictModes yes
AuthorizedKeysFile .ssh/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
AcceptEnv LANG LC_*
Subsystem sftp ${sftpServer()}
${forceCommand === '' ? '' : `ForceCommand ${forceCommand}`}
${matches}
`,
  );
  const [program, ...args] = [...under, '/usr/sbin/sshd', '-D', '-e', '-f', serverConfig];
  const process = new Background([program, ...args]);
  return await listening(process, folder, port, hostKey, userKey);
}

/** As soon as it listens. */
export async function listening(
  process: Background,
  folder: string,
  port: number,
  hostKey: string,
  userKey: string,
): Promise<Sshd> {
  await process.printed(/Server listening on/);
  return {
    port,
    configFile: writeClientConfig(folder, port, hostKey, userKey),
    publicKey: readFileSync(`${userKey}.pub`, 'utf8'),
    privateKey: userKey,
    hostKey: readFileSync(`${hostKey}.pub`, 'utf8'),
    process,
    log: () => process.stderr,
    stop: async () => await process.stop(),
  };
}

function writeClientConfig(folder: string, port: number, hostKey: string, userKey: string): string {
  const knownHosts = join(folder, 'known_hosts');
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${readFileSync(`${hostKey}.pub`, 'utf8')}`);
  const config = join(folder, 'ssh_config');
  writeFileSync(
    config,
    `Host target
  HostName 127.0.0.1
  Port ${port}
  IdentityFile ${userKey}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${knownHosts}
  StrictHostKeyChecking yes
  LogLevel ERROR
`,
  );
  return config;
}

/** @returns the private half's file; the other is beside it */
export function makeKey(folder: string, name: string): string {
  const path = join(folder, name);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path]);
  return path;
}

/** `SHA256:…` of a public key, a line of a .pub file, as `ssh-keygen -l` prints it. */
export function fingerprint(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** What the distribution's own sshd_config names. */
function sftpServer(): string {
  const line = /^Subsystem\s+sftp\s+(\S+)/m.exec(readFileSync('/etc/ssh/sshd_config', 'utf8'));
  return line?.[1] ?? '/usr/lib/openssh/sftp-server';
}
