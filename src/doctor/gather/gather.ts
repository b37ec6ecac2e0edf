/** Looks at this host, as root, and changes nothing. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { options } from '../../config/options.ts';
import { directoryRoom } from '../../host/directory-room.ts';
import { usualSftpServers } from '../../host/shell.ts';
import { loadService, pamDirectories } from '../../system/pam-files.ts';
import { matchLines } from '../../system/sshd-match.ts';
import { usualSshd } from '../../system/sshd-settings.ts';
import { namedAccounts } from '../checks/accounts.ts';
import type { Facts, SshdFacts } from '../facts.ts';
import { gatherAccounts, maxAccounts, usualAccounts } from './accounts.ts';
import { gatherDaemon } from './daemon.ts';
import { gatherDenials } from './denials.ts';
import { gatherFiles } from './files.ts';
import { gatherHostCertificates } from './host-certificates.ts';
import { gatherOffline } from './offline.ts';
import { gatherPackages } from './packages.ts';
import { gatherPrograms } from './programs.ts';
import { gatherServers } from './servers.ts';
import { gatherSshd } from './sshd.ts';

export interface Questions {
  /** The daemon's; undefined: the usual one. */
  readonly config: string | undefined;
  /** sshd's; undefined: the usual one. */
  readonly sshdConfig: string | undefined;
  /** Whose logins; none: root's, and those of every person of this host. */
  readonly users: readonly string[];
  /** Ask no server. */
  readonly offline: boolean;
  /** Of this program. */
  readonly version: string;
  /** This program, as it is started. */
  readonly self: readonly string[];
}

export async function gather({
  config: configFile,
  users,
  offline,
  version,
  self,
  ...rest
}: Questions): Promise<Facts> {
  const config = loadConfig(configFile);
  const sshdConfig = rest.sshdConfig === undefined ? undefined : resolve(rest.sshdConfig);
  const sshd = { ...usualSshd, ...(sshdConfig === undefined ? {} : { configFile: sshdConfig }) };
  const matches = matchLines(sshdConfig);
  const usual = [...new Set([...namedAccounts({ config }), ...usualAccounts(), ...matches.users])];
  const names = users.length > 0 ? users : usual.slice(0, maxAccounts);
  const accounts = await gatherAccounts(names);
  const sshdFacts = await gatherSshd(sshd, accounts, matches);
  const services = servicesFor(sshdFacts).map(name => loadService(name));
  const { paths, missing } = gatherPrograms(sshdFacts, services);
  const read = services.flatMap(service => (service.kind === 'parsed' ? service.files : []));
  const settings = config.kind === 'loaded' ? config.config : undefined;
  const sftpServer =
    settings === undefined || settings.login.sftpServer === '' ? usualSftpServers : [settings.login.sftpServer];
  const prepared = settings === undefined ? [] : await gatherOffline(settings.daemon.stateDirectory, configFile, self);
  const unseen = typeof prepared === 'string' ? [`what is prepared for days without a server: ${prepared}`] : [];
  return {
    nowMs: Date.now(),
    config,
    accounts,
    sshd: sshdFacts,
    services,
    files: gatherFiles([sshd.program, ...matches.files, ...read, ...paths, ...besides(paths)]),
    missing,
    hostCertificates: gatherHostCertificates(sshdFacts),
    offline: typeof prepared === 'string' ? [] : prepared,
    sftpServer: sftpServer.find(existsSync),
    daemon: await gatherDaemon(settings?.daemon.socket ?? options.daemon.socket.standard),
    servers: settings === undefined || offline ? [] : await gatherServers(settings.server),
    state: settings === undefined ? [] : [directoryRoom(settings.daemon.stateDirectory)],
    denials: await gatherDenials(),
    version,
    packages: await gatherPackages(),
    unseen: [
      ...unseen,
      ...(names.length < usual.length && users.length === 0
        ? [`${usual.length - names.length} of ${usual.length} accounts were not looked at: name them with --user`]
        : []),
    ],
  };
}

/** sshd's by whatever name, and those of the others that have a file. */
function servicesFor(sshd: SshdFacts): string[] {
  const settings = sshd.kind === 'present' ? sshd.probes.map(probe => probe.settings) : [];
  const names = settings.flatMap(asked =>
    asked.kind === 'answered' ? [asked.answer.first('pamservicename') ?? 'sshd'] : [],
  );
  const others = ['sudo', 'sudo-i', 'su', 'su-l', 'login', 'cron', 'crond', 'atd', 'systemd-user'];
  const present = others.filter(name => pamDirectories.some(directory => existsSync(join(directory, name))));
  return [...new Set([...names, 'sshd', ...present])];
}

/** The addons that the program loads from beside it. */
function besides(paths: readonly string[]): string[] {
  const programs = paths.filter(path => path.endsWith('/trasa-agent'));
  return programs
    .flatMap(path => ['trasa_native.node', 'trasa_ssh.node', 'pty.node'].map(name => join(dirname(path), name)))
    .filter(existsSync);
}
