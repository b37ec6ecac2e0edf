/** The daemon, its server, its disk, and who can change the files that all of it hangs on. */
import type { DirectoryRoom } from '../../host/directory-room.ts';
import type { ServerSight } from '../../trasa/sight.ts';
import type { Facts } from '../facts.ts';
import { type Finding, found } from '../finding.ts';

export function checkFiles({ files, missing }: Facts): Finding[] {
  const unsafe = files.flatMap(({ path, problem }) =>
    problem === undefined || problem.cause === 'missing'
      ? []
      : [found('file-unsafe', `${path} ${problem.text}`, [path], problem.hint ?? `look at ${path}`)],
  );
  const gone = missing.map(({ path, namedAt }) =>
    found('door-missing', `${path} is not there, and is to be run`, [namedAt], 'install it, or take the line out'),
  );
  return [...unsafe, ...gone];
}

export function checkDaemon({ daemon }: Facts): Finding[] {
  const { socket, silence, outdated } = daemon;
  const findings: Finding[] = [];
  if (silence !== undefined)
    findings.push(
      found(
        'daemon-silent',
        `the daemon does not answer: ${silence}`,
        [socket],
        'systemctl restart trasa-agent.socket trasa-agent.service; its log says more',
      ),
    );
  return [...findings, ...aboutOutdated(outdated, 'daemon', 'trasa-agent.service')];
}

export function aboutOutdated(processes: readonly number[], whose: 'daemon' | 'proxy', unit: string): Finding[] {
  if (processes.length === 0) return [];
  const evidence = processes.map(pid => `process ${pid}`);
  const what = `the ${whose} runs a program that has been replaced since`;
  return [found('upgrade-pending', what, evidence, `systemctl restart ${unit}`)];
}

/** `0.1.0-1` is 0.1.0, packaged for the first time. */
export function checkPackages({ packages, version }: Facts): Finding[] {
  const others = packages.filter(installed => installed.version.replace(/-[^-]*$/, '') !== version);
  if (others.length === 0) return [];
  const evidence = [`this program: ${version}`, ...packages.map(({ name, version: of }) => `${name}: ${of}`)];
  const what = 'programs of two releases are installed beside each other';
  return [found('upgrade-pending', what, evidence, 'apt install --only-upgrade trasa-agent libpam-trasa')];
}

const codeStepMs = 30_000;
const dayMs = 86_400_000;
/** Certificates of a month or two are renewed with a third of it left; of a year, with a month. */
const renewDays = 14;

export function checkServers({ servers, nowMs }: Facts): Finding[] {
  return servers.flatMap(sight => aboutServer(sight, nowMs));
}

/** @param whom it does not accept, if it does not */
export function aboutServer(sight: ServerSight, nowMs: number, whom = 'this host'): Finding[] {
  return [...answerOf(sight, whom), ...clockOf(sight), ...certificateOf(sight, nowMs)];
}

function answerOf({ server, answer }: ServerSight, whom: string): Finding[] {
  switch (answer.kind) {
    case 'accepts':
      return [];
    case 'refuses':
      return [
        found(
          'server-refuses',
          `${server} does not accept ${whom}: ${answer.reason}`,
          [server],
          'serviceID and serviceKey of the profile of this service in the TRASA dashboard',
        ),
      ];
    case 'none':
      return [
        found('server-unreachable', `${server}: ${answer.cause}: ${answer.detail}`, [server], 'trasa-agent check'),
      ];
  }
}

function clockOf({ server, shown }: ServerSight): Finding[] {
  const ahead = shown?.aheadMs ?? 0;
  if (Math.abs(ahead) <= codeStepMs) return [];
  const seconds = Math.round(Math.abs(ahead) / 1000);
  return [
    found(
      'clock-off',
      `this host's clock is ${seconds} s ${ahead > 0 ? 'behind' : 'ahead of'} the server's`,
      [server],
      'timedatectl set-ntp true, on the one that is wrong',
    ),
  ];
}

function certificateOf({ server, shown }: ServerSight, nowMs: number): Finding[] {
  if (shown?.certificateEndsMs === undefined || shown.isPinned) return [];
  const days = Math.floor((shown.certificateEndsMs - nowMs) / dayMs);
  if (days >= renewDays) return [];
  const end = new Date(shown.certificateEndsMs).toISOString().slice(0, 10);
  return [
    found(
      'tls-expiring',
      `the certificate of ${server} ends on ${end}`,
      [`days left: ${days}`],
      'renew it on the server',
    ),
  ];
}

/** Below this the next write of the daemon's state may fail. */
const lowBytes = 16 * 1024 * 1024;
const lowFiles = 100;

export function checkState({ state }: Facts): Finding[] {
  return state.flatMap(room => aboutState(room, 'daemon'));
}

export function aboutState(
  { path, trouble, freeBytes, freeFiles }: DirectoryRoom,
  whose: 'daemon' | 'proxy',
): Finding[] {
  const sequel = `nobody gets in while the ${whose} cannot remember`;
  const mend = `make room: df ${path}, df -i ${path}`;
  if (trouble !== undefined) {
    const what = `${path} ${trouble}: ${sequel}`;
    return [found('state-unwritable', what, [path], 'see stateDirectory in trasa-agent.toml(5)')];
  }
  if (freeBytes === 0 || freeFiles === 0)
    return [found('state-unwritable', `the disk of ${path} is full: ${sequel}`, [path], mend)];
  if (freeBytes >= lowBytes && freeFiles >= lowFiles) return [];
  const left = freeBytes < lowBytes ? `${Math.floor(freeBytes / 1024)} KiB` : `${freeFiles} files`;
  return [found('disk-low', `${left} are left on the disk of ${path}`, [path], mend)];
}

/** Lines about us, of the last day by their own stamp (`audit(1700000000.123:45)`), the newest few. */
export function checkDenials({ denials, nowMs }: Facts): Finding[] {
  const ours = denials.filter(line => {
    const stamp = Number(/\baudit\((\d{9,11})\./.exec(line)?.[1] ?? Number.NaN) * 1000;
    const isRecent = Number.isNaN(stamp) || nowMs - stamp < dayMs;
    return isRecent && /trasa/.test(line);
  });
  if (ours.length === 0) return [];
  return [
    found(
      'access-denied',
      `AppArmor or SELinux has refused the agent something ${ours.length} times in the last day`,
      ours.slice(-3),
      'allow what the lines name in the local policy (aa-logprof(8), audit2allow(1))',
    ),
  ];
}

export function checkUnseen({ unseen }: Facts): Finding[] {
  return unseen.map(text => found('not-examined', text, [], 'name them with --user'));
}
