/** Streams and files through the proxy: wall time against other ways, and the proxy's own processor time. */
import { writeFileSync } from 'node:fs';
import { median, type Row, sideBySide } from './measure.ts';
import { quoted, timed, type Ways } from './proxy.ts';
import { processorSeconds } from './proxy-processes.ts';

const sentMiB = 256;
const rounds = 5;
const sent = '/root/sent';
const gcm = 'aes128-gcm@openssh.com';
const chacha = 'chacha20-poly1305@openssh.com';

export async function bulk(ways: Ways): Promise<Row[]> {
  writeFileSync(sent, Buffer.alloc(sentMiB * 1024 * 1024, 'x'));
  return [
    ...(await streams(ways, { cipher: gcm, direct: 0.75, jump: 1.3 })),
    ...(await streams(ways, { cipher: chacha, jump: 1.3 })),
    ...(await files(ways)),
    await twoStreams(ways),
    await processorTime(ways),
  ];
}

const directions = { up: `cat >/dev/null' <${sent}`, down: `head -c ${sentMiB}M /dev/zero' >/dev/null` } as const;

function line(words: readonly string[], cipher: string, direction: keyof typeof directions): string {
  return `ssh -c ${cipher} ${quoted(words)} '${directions[direction]}`;
}

/** One stream of bulk on all ways, the proxy's recorded and under a policy. After {@link bulk}. */
export async function recordedStreams(ways: Ways): Promise<Row[]> {
  return await streams(ways, { cipher: gcm, terms: 'recorded, under a policy', direct: 0.75, jump: 1.3 });
}

interface Contest {
  readonly cipher: string;
  /** The proxy's, beside those of all. */
  readonly terms?: string;
  readonly direct?: number;
  readonly jump: number;
}

async function streams(ways: Ways, { cipher, terms, ...bounds }: Contest): Promise<Row[]> {
  const rows: Row[] = [];
  const name = cipher.replace('@openssh.com', '');
  for (const direction of ['up', 'down'] as const) {
    const lines = [ways.direct, ways.jump(cipher), ways.proxy].map(words => line(words, cipher, direction));
    const [direct = Number.NaN, jump = Number.NaN, ours = Number.NaN] = await inTurn(lines);
    const how = ['through the proxy', ...(terms === undefined ? [] : [terms]), name, 'login included'].join(', ');
    const what = `${sentMiB} MiB ${direction} ${how}, against the direct line`;
    rows.push(ratio(what, direct, ours, bounds.direct), ratio('… against `ssh -J`', jump, ours, bounds.jump));
  }
  return rows;
}

async function files({ direct, proxy }: Ways): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [what, batch] of [
    ['put', `put ${sent} sent`],
    ['get', 'get sent /root/got'],
  ] as const) {
    const lines = [direct, proxy].map(words => `echo '${batch}' | sftp -q -b - -c ${gcm} ${quoted(words)}`);
    const [theirs = Number.NaN, ours = Number.NaN] = await inTurn(lines);
    rows.push(ratio(`sftp ${what} of ${sentMiB} MiB through the proxy, against the direct line`, theirs, ours, 0.65));
  }
  return rows;
}

/** What two streams at once carry, of two connections, against what one does. */
async function twoStreams({ proxy }: Ways): Promise<Row> {
  const one = line(proxy, gcm, 'down');
  const [single = Number.NaN, both = Number.NaN] = await inTurn([one, `${one} & ${one}; wait $!`]);
  return ratio('two streams down at once, together, against one', 2 * single, both, 1.6, 2);
}

async function processorTime({ proxy, site }: Ways): Promise<Row> {
  const perGiB: string[] = [];
  for (const direction of ['up', 'down'] as const) {
    const before = processorSeconds(site.proxy.process.child.pid);
    for (let round = 0; round < rounds; round++) await timed(['bash', '-c', line(proxy, gcm, direction)]);
    const seconds = processorSeconds(site.proxy.process.child.pid) - before;
    perGiB.push(((seconds * 1024) / (rounds * sentMiB)).toFixed(2));
  }
  return {
    what: 'processor seconds of the proxy per GiB up / down, aes128-gcm, logins included',
    figure: perGiB.join(' / '),
  };
}

/** Median milliseconds of each. */
async function inTurn(lines: readonly string[]): Promise<number[]> {
  return (await sideBySide(rounds, ...lines.map(one => async () => await timed(['bash', '-c', one])))).map(median);
}

function ratio(what: string, against: number, ours: number, bound?: number, times = 1): Row {
  const mibPerSecond = (ms: number): string => ((sentMiB * 1000 * times) / ms).toFixed(0);
  return {
    what,
    figure: `${(against / ours).toFixed(2)} (${mibPerSecond(ours)} / ${mibPerSecond(against)} MiB/s)`,
    ...(bound !== undefined && { bound: `≥ ${bound}`, isMet: against / ours >= bound }),
  };
}
