/** The access proxy: what keeps people out of the hosts behind it, or will. */
import { basename } from 'node:path';
import type { ProxySight, Said } from '../../system/proxy-standing.ts';
import type { UnitState } from '../../system/unit.ts';
import { type Finding, found } from '../finding.ts';
import type { ExaminedProxy, ProxyFacts } from '../proxy-facts.ts';
import { aboutOutdated, aboutServer, aboutState } from './host.ts';
import { aboutCertificate } from './host-certificates.ts';
import { isSaidOtherwise, unverified } from './settings.ts';

/** Pure, as examine() is. */
export function checkProxy(facts: ProxyFacts): Finding[] {
  const { examined, unit, outdated } = facts;
  const answers = typeof examined !== 'string' && examined.sight?.running.kind === 'answers';
  const isDown = unit !== undefined && unit.active !== 'active' && !answers;
  return [
    ...(isDown ? [down(unit)] : atBoot(unit)),
    ...aboutOutdated(outdated, 'proxy', 'trasa-proxy.service, which ends its sessions'),
    ...(typeof examined === 'string'
      ? [found('not-examined', `the access proxy: ${examined}`, [], 'trasa-agent proxy status')]
      : [...checkConfig(examined), ...checkSight(examined, facts, isDown), ...checkServers(examined, facts)]),
  ];
}

function down({ name, active, sub, result }: UnitState): Finding {
  const evidence = [`ActiveState=${active}`, `SubState=${sub}`, `Result=${result}`];
  return active === 'inactive'
    ? found('proxy-down', `${name} does not run: nobody gets to a host`, evidence, `systemctl enable --now ${name}`)
    : found(
        'proxy-down',
        `${name} ${active === 'failed' ? 'has failed' : `is not up (${active})`}: nobody gets to a host`,
        evidence,
        `journalctl -u ${name} says why; then systemctl restart ${name}`,
      );
}

function atBoot(unit: UnitState | undefined): Finding[] {
  if (unit === undefined || unit.active !== 'active' || unit.file !== 'disabled') return [];
  const what = `${unit.name} runs now, and will not after the next start of this host`;
  return [found('proxy-boot', what, [`UnitFileState=${unit.file}`], `systemctl enable ${unit.name}`)];
}

function checkConfig({ source, problems, warnings, unseen, sight }: ExaminedProxy): Finding[] {
  const others = warnings.filter(({ text }) => !isSaidOtherwise(text));
  return [
    ...(sight?.isServerVerified === false ? [unverified(source)] : []),
    ...[...problems, ...(sight?.troubles ?? [])].map(wrong),
    ...others.map(({ text, place, hint }) =>
      found('config-warning', text, [place], hint ?? 'trasa-agent check --proxy'),
    ),
    ...(unseen === null || problems.length > 0 // then it may be another directory that is meant
      ? []
      : [
          found(
            'state-unwritable',
            `${unseen}: nobody gets in while the proxy cannot remember`,
            [source],
            'stateDirectory is to be of the user trasa-proxy, mode 0700: systemctl restart trasa-proxy makes it so',
          ),
        ]),
  ];
}

function wrong({ text, place, hint }: Said): Finding {
  const named = text.startsWith('/') ? text : `${basename(place).replace(/:\d+$/, '')}: ${text}`;
  const what = `${named}: a proxy that starts now does not come up`;
  return found('proxy-config', what, [place], hint ?? 'trasa-agent check --proxy');
}

function checkSight({ sight }: ExaminedProxy, { nowMs, version, outdated }: ProxyFacts, isDown: boolean): Finding[] {
  if (sight === null) return [];
  return [
    ...(isDown ? [] : checkRunning(sight, outdated.length > 0 ? undefined : version)),
    ...aboutState(sight.state, 'proxy'),
    ...checkCa(sight, nowMs),
    ...sight.hostCertificates.flatMap(({ path, valid, trouble }) => {
      const isNone = `cannot be shown to clients (${trouble ?? ''}), who see the key alone`;
      const dates = valid === null ? undefined : { validAfter: BigInt(valid.after), validBefore: BigInt(valid.before) };
      return aboutCertificate({ path, valid: dates }, nowMs, isNone);
    }),
    ...checkCatalogue(sight),
    ...checkServices(sight),
    ...checkRecordings(sight),
    ...checkWaiting(sight),
    ...sight.unread.map(text =>
      found(
        'state-unwritable',
        `${text}: a proxy that starts now does not come up`,
        [sight.state.path],
        'a backup has it',
      ),
    ),
  ];
}

/** @param version of the program that should run; undefined: it is known that another does */
function checkRunning({ running, greeting, listen }: ProxySight, version: string | undefined): Finding[] {
  const log = 'journalctl -u trasa-proxy.service';
  if (greeting !== null && greeting.trouble !== null) {
    const isElsewhere = running.kind === 'answers' && !listen.endsWith(`:${running.port}`);
    const evidence = [
      `sshListenAddr = "${listen}"`,
      ...(isElsewhere ? [`the proxy that runs listens at port ${running.port}`] : []),
    ];
    const mend = isElsewhere ? 'systemctl restart trasa-proxy: a reload does not change it' : `${log} says more`;
    return [
      found('proxy-silent', `${greeting.address} is not answered by the proxy: ${greeting.trouble}`, evidence, mend),
    ];
  }
  if (running.kind === 'silent') {
    const what = `sessions can be neither seen nor ended: ${running.why}`;
    return [found('proxy-control', what, [], `systemctl status trasa-proxy; ${log}`)];
  }
  const { silent, workers, release } = running;
  const count = [`workers that serve: ${workers}`, `workers that do not answer: ${silent}`];
  return [
    ...(silent > 0 ? [found('proxy-worker', 'a worker does not say what it does, and may hang', count, log)] : []),
    ...(workers === 0 ? [found('proxy-down', 'no worker serves: nobody gets to a host', count, log)] : []),
    ...(version === undefined || release === version
      ? []
      : [
          found(
            'upgrade-pending',
            `the proxy that runs is release ${release}, this program ${version}`,
            [`this program: ${version}`],
            'systemctl restart trasa-proxy.service, which ends its sessions',
          ),
        ]),
  ];
}

function checkCa({ userCA: { trouble, keeper, since, isOld } }: ProxySight, nowMs: number): Finding[] {
  if (trouble !== null)
    return [
      found(
        'proxy-ca',
        `${trouble}: the proxy cannot make the certificates by which it logs in to hosts`,
        keeper === '' ? [] : [`its key is kept by: ${keeper}`],
        'caDirectory, caPassphraseFile and caAgent: trasa-agent-proxy(8)',
      ),
    ];
  if (!isOld || since === null) return [];
  const years = Math.floor((nowMs - since) / (365 * 86_400_000));
  const evidence = [`made on ${new Date(since).toISOString().slice(0, 10)}`];
  return [
    found('proxy-ca-old', `the User CA is ${years} years old`, evidence, 'trasa-agent ca rotate: trasa-agent-ca(8)'),
  ];
}

function checkCatalogue({ catalogue, running }: ProxySight): Finding[] {
  if (catalogue === null || running.kind !== 'answers') return []; // a start asks the server
  const { confirmedAt, isTooOld, trouble } = catalogue;
  const sequel = 'services, people and policies of the server do not count';
  const find = (what: string, evidence: readonly string[]): Finding[] => [
    found('proxy-catalogue', `${what}: ${sequel}`, evidence, 'trasa-agent check --proxy, and catalogueMaxAge'),
  ];
  if (trouble !== null) return find(`the catalogue that was kept cannot be used (${trouble})`, []);
  if (confirmedAt === null) return find('the server has never given its catalogue', ['catalogue = true']);
  const evidence = [`last confirmed ${new Date(confirmedAt).toISOString()}`];
  return isTooOld ? find('the catalogue has not been confirmed for too long', evidence) : [];
}

function checkServices({ services, hostKeys }: ProxySight): Finding[] {
  return services.flatMap(({ name, address, firstUse, isKnown, accountsWithout }) => {
    const waits = hostKeys.some(({ service, state }) => service === name && state === 'held');
    const without = accountsWithout.map(account =>
      found(
        'proxy-account',
        `there is no key and no password for ${account} of service ${name}, and nothing else is to be tried`,
        [`[proxy.services.${name}]`],
        'keyFile or passwordFile for this account, or "certificate" or "ask" among its credentials',
      ),
    );
    if (isKnown || waits || firstUse !== 'ask') return without;
    return [
      ...without,
      found(
        'proxy-first-use',
        `no key of ${name} (${address}) is known: the next person who goes there says whether it is the right one`,
        [`[proxy.services.${name}]: firstUse = "ask"`],
        'go there first, and compare the key; or hostKey, or hostCA',
      ),
    ];
  });
}

/** Before it is too little, there is as much again: time to make room. */
const lowBytes = 256 * 1024 ** 2;

function checkRecordings({ recordings }: ProxySight): Finding[] {
  const { directory, spareBytes, areWanted, journalFault } = recordings;
  const { path, trouble } = directory;
  const findings: Finding[] = [];
  const room = `make room: df ${path}; recordingDays; trasa-agent proxy recordings export`;
  if (areWanted && trouble !== undefined)
    findings.push(
      found(
        'proxy-recordings',
        `${path} ${trouble}: whoever must be recorded is not let in`,
        [path],
        'see recordDirectory in trasa-agent.toml(5)',
      ),
    );
  else if (areWanted && spareBytes < 0)
    findings.push(
      found('proxy-recordings', `the disk of ${path} is too full: sessions that must be recorded end`, [path], room),
    );
  else if (areWanted && spareBytes < lowBytes)
    findings.push(
      found('disk-low', `${Math.floor(spareBytes / 1024 ** 2)} MiB are left for recordings in ${path}`, [path], room),
    );
  if (journalFault !== null)
    findings.push(
      found(
        'proxy-journal',
        `the journal of recordings does not hold: ${journalFault}`,
        ['recordings.db in stateDirectory'],
        'find out who was there; trasa-agent proxy recordings verify says what is still proved',
      ),
    );
  return findings;
}

function checkWaiting({ hostKeys, approvals, heldOff }: ProxySight): Finding[] {
  return [
    ...hostKeys
      .filter(({ state }) => state === 'held')
      .map(({ service, address, key, since }) =>
        found(
          'proxy-host-key',
          `nobody gets to ${service} (${address}) while its key waits`,
          [`${key}, shown first ${since}`],
          `compare it on the host (ssh-keygen -lf), then trasa-agent proxy host-keys accept ${service} ${key.split(' ')[0]}`,
        ),
      ),
    ...approvals.map(({ id, person, account, target, askedAt }) =>
      found(
        'proxy-approval',
        `${person} waits to be let in to ${account}@${target}`,
        [`since ${new Date(askedAt).toISOString()}`],
        `trasa-agent proxy approvals approve ${id}, or refuse ${id}`,
      ),
    ),
    ...(heldOff === 0
      ? []
      : [
          found(
            'proxy-held-off',
            `${heldOff} of accounts, people and addresses are held off after wrong codes, passwords or pushes`,
            [],
            'trasa-agent holds list --proxy says who; holds release --proxy ends it',
          ),
        ]),
  ];
}

function checkServers({ servers }: ExaminedProxy, { nowMs }: ProxyFacts): Finding[] {
  return servers.flatMap(({ services, sight }) => {
    const whom = services.length === 0 ? 'the proxy' : `service ${services.join(', ')} of the proxy`;
    return aboutServer(sight, nowMs, whom);
  });
}
