import { spawnSync } from 'node:child_process';
import t from 'tap';
import { privateDirectory, put } from '../config/place.ts';

const valid = 'trasaServerURL = "https://trasa.example.com"\nserviceID = "host-1"\nserviceKey = "never-shown"\n';

t.test('a valid configuration is said to be so, and the status is 0', async t => {
  const file = put(`${privateDirectory(t)}/agent.toml`, valid);
  t.strictSame(runCheck(file), { status: 0, stdout: `${file}: configuration is valid\n`, stderr: '' });
});

t.test('warnings are printed, and the status is 0 all the same', async t => {
  const file = put(`${privateDirectory(t)}/agent.toml`, `${valid}insecureSkipVerify = true\n`);
  const { status, stderr } = runCheck(file);
  t.equal(status, 0);
  t.equal(
    stderr,
    `warning: ${file}:4: the certificate of the server is not verified\n  hint: use caFile or pins instead\n`,
  );
});

t.test('every problem of a broken configuration is printed, and the status is 78', async t => {
  const file = put(`${privateDirectory(t)}/agent.toml`, `${valid}debug = 1\ncaFlie = "/x"\n`);
  t.strictSame(runCheck(file), {
    status: 78,
    stdout: '',
    stderr: [
      `${file}:4: debug must be true or false, not a number\n  hint: write true, without quotes\n`,
      `${file}:5: unknown option caFlie\n  hint: did you mean caFile?\n`,
    ].join(''),
  });
});

function runCheck(config: string): { status: number | null; stdout: string; stderr: string } {
  const module = new URL('../../src/cli/check.ts', import.meta.url).href;
  const program = `import(${JSON.stringify(module)}).then(async m => { process.exitCode = await m.check({ config: process.argv[1], offline: true }); })`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', program, config], { encoding: 'utf8' });
  return { status, stdout, stderr };
}
