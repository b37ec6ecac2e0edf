import { cleanText } from '../protocol/clean.ts';
import { timeLeft } from '../ssh/time-left.ts';
import type { HostCertificateSight, ProxySight, ProxyStanding, Said } from '../system/proxy-standing.ts';
import type { Section } from './host-status.ts';

/** How the access proxy stands, in short. @param standing a string says why it is not known */
export function proxySection(standing: ProxyStanding | string, now: number): Section {
  const title = 'proxy';
  if (typeof standing === 'string') return { title, isWell: false, lines: [cleanText(standing, maxLine)] };
  const { source, problems, warnings, unseen, sight } = standing;
  const troubles = [...problems, ...(sight?.troubles ?? [])].map(saidLine);
  const words = warnings.map(warning => `warning: ${saidLine(warning)}`);
  const parts = sight === null ? [] : partsOf(sight, now);
  const lines = [
    ...(troubles.length === 0 ? [`${source} is valid`] : troubles),
    ...words,
    ...(unseen === null ? [] : [unseen]),
    ...parts.flatMap(part => part.lines),
  ];
  const isWell = troubles.length === 0 && unseen === null && parts.every(part => part.isWell);
  return { title, isWell, lines: lines.map(line => cleanText(line, maxLine)) };
}

const maxLine = 500;

function saidLine({ place, text }: Said): string {
  return text.startsWith(place) ? text : `${place}: ${text}`;
}

type Part = Pick<Section, 'isWell' | 'lines'>;

function partsOf(sight: ProxySight, now: number): Part[] {
  return [
    runningPart(sight),
    waitingPart(sight),
    ...sight.hostCertificates.map(one => certificatePart(one, now)),
    caPart(sight),
  ];
}

function runningPart({ running, listen }: ProxySight): Part {
  if (running.kind === 'silent') return { isWell: false, lines: [`does not run, or does not answer: ${running.why}`] };
  const { since, workers, silent, sessions, release } = running;
  const lines = [
    `runs since ${new Date(since).toISOString()} (release ${release}), listens on ${listen}`,
    `${counted(sessions, 'session')}, ${counted(workers, 'worker')}`,
    ...(silent === 0 ? [] : [`${counted(silent, 'worker')} of them or of before a reload do not answer`]),
  ];
  return { isWell: workers > 0 && silent === 0, lines };
}

/** Who waits is no trouble of the proxy's. */
function waitingPart({ approvals, hostKeys, heldOff, catalogue, services }: ProxySight): Part {
  const held = hostKeys.filter(({ state }) => state === 'held').length;
  const confirmed = catalogue?.confirmedAt ?? undefined;
  const isCatalogueBad = catalogue !== null && (confirmed === undefined || catalogue.isTooOld);
  const ofServer =
    catalogue === null
      ? []
      : [
          `catalogue ${confirmed === undefined ? 'not there yet' : `last confirmed ${new Date(confirmed).toISOString()}`}`,
        ];
  return {
    isWell: !isCatalogueBad,
    lines: [
      `${counted(services.length, 'service')}${ofServer.map(text => `; ${text}`).join('')}`,
      `${counted(approvals.length, 'approval')} waiting, ${counted(held, 'host key')} waiting, ${heldOff} held off after failures`,
    ],
  };
}

/** Those that are fine say nothing. */
function certificatePart({ path, valid, trouble }: HostCertificateSight, now: number): Part {
  if (valid === null) return { isWell: false, lines: [trouble ?? path] };
  const { standing, daysLeft } = timeLeft({ validAfter: BigInt(valid.after), validBefore: BigInt(valid.before) }, now);
  if (standing === 'fine') return { isWell: true, lines: [] };
  if (standing === 'not-yet-valid') return { isWell: false, lines: [`${path}: is not valid yet`] };
  if (standing === 'ended') return { isWell: false, lines: [`${path}: has ended, and is not shown`] };
  return { isWell: true, lines: [`${path}: ends in ${daysLeft} days, and is to be renewed (trasa-agent ca renew)`] };
}

function caPart({ userCA: { trouble, lines } }: ProxySight): Part {
  return { isWell: trouble === null, lines: [...(trouble === null ? [] : [`User CA: ${trouble}`]), ...lines] };
}

function counted(count: number, noun: string): string {
  return `${count === 0 ? 'no' : count} ${noun}${count === 1 ? '' : 's'}`;
}
