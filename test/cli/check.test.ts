import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
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

t.test("the proxy's secrets are looked at", async t => {
  const place = privateDirectory(t);
  const passphrase = `${place}/passphrase`;
  const service =
    'address = "web1:22"\naccounts = ["a"]\nhostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"';
  const proxy = `[proxy]\nstateDirectory = "${place}"\ncaDirectory = "${place}"\ncaPassphraseFile = "${passphrase}"\n`;
  const file = put(`${place}/agent.toml`, `${valid}${proxy}[proxy.services.web1]\n${service}\n`);
  const check = (): string => {
    const { status, stdout, stderr } = runCheck(file);
    t.equal(/is valid/.test(stdout), status === 0, 'it is not said to be valid before all was looked at');
    return `${status} ${stderr}`;
  };
  t.equal(check(), `78 ${passphrase} does not exist\n`);
  put(passphrase, 'x', 0o600);
  t.equal(check(), '0 ');
  put(`${place}/ssh_host_rsa_key`, 'x', 0o644);
  t.match(
    check(),
    /^78 .*ssh_host_rsa_key holds a secret and can be read by everyone \(mode 0644\)\n {2}hint: chmod o-r /,
  );
  put(`${place}/ssh_host_rsa_key`, 'x', 0o600);
  put(`${place}/ssh-user-ca.key`, 'x', 0o620);
  t.match(check(), /^78 .*ssh-user-ca\.key can be written by others than its owner \(mode 0620\)/);
});

t.test('with --proxy it is read as the proxy reads it: key files of services, too', async t => {
  const place = privateDirectory(t);
  const service = `address = "web1"
accounts = ["a"]
hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
serviceID = "web1-id"
serviceKeyFile = "${place}/none.key"
`;
  const file = put(
    `${place}/proxy.toml`,
    `${valid}[proxy]\nstateDirectory = "${place}"\n[proxy.services.web1]\n${service}`,
  );
  t.match(runCheck(file), { status: 0 });
  t.match(runCheck(file, 'proxy'), { status: 78, stderr: /:11: web1: serviceKeyFile .*none\.key does not exist/ });
  put(`${place}/none.key`, 'akey', 0o600);
  t.match(runCheck(file, 'proxy'), { status: 0, stderr: '' });
  put(file, `${readFileSync(file, 'utf8')}credentials = ["password"]\npasswordFile = "${place}/password"\n`);
  t.match(runCheck(file, 'proxy'), { status: 78, stderr: /proxy\.toml: service web1: passwordFile .* does not exist/ });
  put(file, `${valid}[proxy]\nstateDirectory = "${place}"\n`);
  t.match(runCheck(file, 'proxy'), { status: 78, stderr: /the proxy leads nowhere/ });
});

function runCheck(config: string, whose = 'daemon'): { status: number | null; stdout: string; stderr: string } {
  const module = new URL('../../src/cli/check.ts', import.meta.url).href;
  const program = `import(${JSON.stringify(module)}).then(async m => { process.exitCode = await m.check({ config: process.argv[1], offline: true, proxy: process.argv[2] === 'proxy' }); })`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', program, config, whose], { encoding: 'utf8' });
  return { status, stdout, stderr };
}
