/** What setup asks of systemd: no systemd runs on a private host, so programs of its names note what they are told. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import t from 'tap';
import { configFile } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { module, needsDoor } from '../helpers/e2e/pam.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { files, startSetupHost } from '../helpers/e2e/setup-host.ts';
import { ssh } from '../helpers/e2e/ssh.ts';

needsDoor(t, module);
privateHost(t);
const host = await startSetupHost(['alice']);
t.teardown(async () => await host.stop());
const before = files();
const flags = ['--door', 'pam', '--first-factor', 'key'];
const unit = '/etc/systemd/system/trasa-agent-setup-revert.service';
const wants = '/etc/systemd/system/multi-user.target.d/trasa-agent-setup-revert.conf';
const notes = '/root/told-systemd';

mkdirSync('/run/systemd/system', { recursive: true });
stub('systemd-run', '');
const working = `case "$*" in
    'reload ssh.service') kill -HUP "$(cat /run/sshd.pid)" ;;
    'reload trasa-agent.service') kill -HUP ${host.daemon.process.child.pid} ;;
    'is-active --quiet sshd.service') exit 3 ;;
  esac`;
stub('systemctl', working);

function stub(name: string, does: string): void {
  rmSync(`/usr/bin/${name}`, { force: true });
  writeFileSync(`/usr/bin/${name}`, `#!/bin/sh\necho "${name} $*" >>${notes}\n${does}\n`, { mode: 0o755 });
}

function told(): string[] {
  const lines = readFileSync(notes, 'utf8').trimEnd().split('\n');
  rmSync(notes);
  return lines;
}

t.test('a timer is set first, then the daemon and sshd are told', async t => {
  t.match(await host.setup(flags), { status: 0, stderr: '' });
  const lines = told();
  t.match(
    lines[0],
    /^systemd-run --quiet --collect --unit=trasa-agent-setup-revert-[0-9a-f]{16} .* --on-active=600s .* \/usr\/lib\/trasa-agent\/trasa-agent setup --revert --journal [0-9a-f]{16}$/,
  );
  t.strictSame(lines.slice(1), [
    'systemctl enable --now --quiet trasa-agent.socket',
    'systemctl is-active --quiet trasa-agent.service',
    'systemctl reload trasa-agent.service',
    'systemctl is-active --quiet ssh.service',
    'systemctl reload ssh.service',
  ]);
});

t.test('the next boot undoes it before sshd starts', async t => {
  t.match(readFileSync(wants, 'utf8'), /^Wants=trasa-agent-setup-revert\.service$/m);
  const text = readFileSync(unit, 'utf8');
  t.match(text, /^Before=ssh\.service sshd\.service/m);
  const [, condition = ''] = /^ConditionPathExistsGlob=(.*)\/\*\.json$/m.exec(text) ?? [];
  t.ok(existsSync(`${condition}/journal.json`));
  const [, atBoot = ''] = /^ExecStart=(.*)$/m.exec(text) ?? [];
  t.match(await run(['/bin/sh', '-c', atBoot]), { status: 0, stderr: '' });
  t.strictSame(files(), before);
  t.notOk(existsSync(unit) || existsSync(dirname(wants)), 'nothing is left of it');
  t.notOk(
    told().some(line => line.includes('enable')),
    'nothing is enabled then',
  );
  t.match(await ssh(host.sshd, 'alice', ['true']), { status: 0 });
});

t.test('without a timer nothing is begun', async t => {
  stub('systemd-run', 'echo "no bus" >&2; exit 1');
  t.match(await host.setup(flags), { status: 1, stderr: /cannot set a timer: no bus[^]*Everything is as it was/ });
  t.strictSame(files(), before);
  t.notOk(existsSync(configFile));
  stub('systemd-run', '');
});

t.test('what systemd cannot reload is undone', async t => {
  stub('systemctl', 'case "$*" in "reload ssh.service") echo "Job failed" >&2; exit 1 ;; esac');
  const { status, stderr } = await host.setup(flags);
  t.equal(status, 1);
  t.match(stderr, /cannot reload ssh\.service: Job failed/);
  t.strictSame(
    Object.fromEntries(Object.entries(files()).filter(([path]) => !path.startsWith('/var/lib/trasa-setup'))),
    before,
  );
  t.match(await ssh(host.sshd, 'alice', ['true']), { status: 0 });
  stub('systemctl', working);
  t.match(await run([agent, 'setup', '--revert']), { status: 0 });
  t.strictSame(files(), before);
});
