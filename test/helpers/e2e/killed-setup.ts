/**
 * `trasa-agent setup` from the sources, killed by SIGKILL after a step, as a power cut would: `node killed-setup.ts STEP`
 * with the wishes as JSON on standard input. STEP `undo …` is one of undoing what was done before. `killed-setup.ts STEP SIGSTOP`:
 * stopped, to be continued.
 */
import { readFileSync } from 'node:fs';
import { thisHost } from '../../../src/cli/setup.ts';
import { Secret } from '../../../src/otp/secret.ts';
import { type Given } from '../../../src/setup/questions.ts';
import { setUp, takeBack } from '../../../src/setup/run.ts';

const [, , step = '', signal = 'SIGKILL'] = process.argv;
const host = {
  ...thisHost(),
  afterStep: (done: string) => {
    process.stdout.write(`${done}\n`);
    if (done === step) process.kill(process.pid, signal);
  },
};
const console = {
  out: () => {},
  error: (text: string) => void process.stderr.write(text),
  prompter: undefined,
};
if (step.startsWith('undo ')) process.exitCode = await takeBack(host, console, undefined);
else {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by the test
  const { serviceKey, ...given } = JSON.parse(readFileSync(0, 'utf8')) as Omit<Given, 'serviceKey'> & {
    serviceKey: string;
  };
  process.exitCode = await setUp(host, console, { ...given, serviceKey: new Secret(serviceKey) }, false);
}
