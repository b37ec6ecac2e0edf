const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
/** Ten years. Who wants more wants no certificate. */
const maxSeconds = 3650 * 86_400;

/** Seconds of `5m`, `12h`, `30d`; undefined if it is none, or not between ten seconds and ten years. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  const seconds = Number(number) * (unitSeconds[unit] ?? Number.NaN);
  return seconds >= 10 && seconds <= maxSeconds ? seconds : undefined;
}
