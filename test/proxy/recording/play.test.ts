/** How a recording is shown again. */
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { play, restore } from '../../../src/proxy/recording/play.ts';

const directory = mkdtempSync(join(tmpdir(), 'trasa-play-'));
const cast = `${'A'.repeat(26)}-1.cast`;
const events = `${'A'.repeat(26)}-2.events.jsonl`;
writeFileSync(
  join(directory, cast),
  `{"version":2,"width":80,"height":24}
[1,"o","one "]
[61,"o","two\\u001b]52;c;eA==\\u0007 "]
[62,"r","90x20"]
[63,"o","three"]
[64,"m","exit 0"]
[65,"o","cut o`,
);
writeFileSync(
  join(directory, events),
  `{"format":"trasa-agent events","title":"alice to root\\u001b[2J","command":"make\\nnoise"}
{"at":0.5,"event":"output","stream":"stdout","text":"a\\nb\\u001b[6n\\n"}
{"at":1,"event":"close","path":"/tmp/a b","written":{"bytes":1}}
`,
);

t.test('a terminal, at its own pace, faster, and with shorter pauses', async t => {
  for (const [speed, idleLimitMs, pauses] of [
    [1, Infinity, [1000, 60_000, 1000, 1000, 1000]],
    [2, Infinity, [500, 30_000, 500, 500, 500]],
    [1, 2000, [1000, 2000, 1000, 1000, 1000]],
    [Infinity, Infinity, []],
  ] as const) {
    const shown = await played(cast, speed, idleLimitMs);
    t.equal(shown.text, `one two three${restore(cast)}`);
    t.strictSame(shown.pauses, pauses);
  }
});

t.test('events, a line each, cleaned', async t => {
  const { text } = await played(events, Infinity, Infinity);
  t.equal(
    text,
    `alice to root?[2J
$ make noise
    0.500s stdout| a
    0.500s stdout| b?[6n
    1.000s close path="/tmp/a b" written={"bytes":1}
`,
  );
});

t.test('what a name leads to is not shown', async t => {
  const link = `${'B'.repeat(26)}-1.cast`;
  symlinkSync('/etc/passwd', join(directory, link));
  await t.rejects(played(link, Infinity, Infinity), { code: 'ELOOP' });
});

async function played(file: string, speed: number, idleLimitMs: number) {
  const pauses: number[] = [];
  let text = '';
  await play(
    directory,
    file,
    { speed, idleLimitMs },
    {
      write: async part => await Promise.resolve(void (text += part)),
      wait: async ms => await Promise.resolve(void pauses.push(ms)),
    },
  );
  return { text, pauses };
}
