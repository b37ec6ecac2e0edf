/**
 * `npm run package [-- --key KEY]`: the Debian packages in dist/deb, and in dist/apt a signed repository of them that any
 * web server can offer as it is.
 *
 * KEY is what gpg(1) calls a user id, in the keyring of GNUPGHOME or your own. Without it a key is made and thrown away;
 * its public half lies in dist/apt either way, as trasa-agent.gpg.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

const root = join(import.meta.dirname, '..');
const debs = join(root, 'dist/deb');
const repository = join(root, 'dist/apt');

const { values } = parseArgs({ options: { key: { type: 'string' } } });
buildPackages();
indexPackages();
if (values.key === undefined) withThrowAwayKey(sign);
else sign(values.key, process.env);
console.log(
  `package: ${globSync('*.deb', { cwd: debs })
    .map(name => `dist/deb/${name}`)
    .join(', ')}; repository: dist/apt`,
);

function buildPackages(): void {
  rmSync(debs, { recursive: true, force: true });
  mkdirSync(debs, { recursive: true });
  const files = ['buildinfo', 'changes'].flatMap(kind => [
    `--${kind}-file=dist/deb/trasa-agent.${kind}`,
    `--${kind}-option=-udist/deb`,
  ]);
  run(['dpkg-buildpackage', '-us', '-uc', '-b', ...files], { ...process.env, DEB_DESTDIR: 'dist/deb' });
}

/** A flat repository (sources.list(5)): one directory has it all. */
function indexPackages(): void {
  rmSync(repository, { recursive: true, force: true });
  mkdirSync(repository);
  for (const deb of globSync('*.deb', { cwd: debs })) cpSync(join(debs, deb), join(repository, basename(deb)));
  const packages = run(['apt-ftparchive', 'packages', '.'], process.env, repository);
  writeFileSync(join(repository, 'Packages'), packages);
  writeFileSync(join(repository, 'Packages.gz'), gzipSync(packages));
  const about = {
    Origin: 'trasa-agent',
    Label: 'trasa-agent',
    Suite: 'stable',
    Architectures: architectures(packages),
  };
  const options = Object.entries(about).flatMap(([name, value]) => [
    '-o',
    `APT::FTPArchive::Release::${name}=${value}`,
  ]);
  writeFileSync(
    join(repository, 'Release'),
    run(['apt-ftparchive', ...options, 'release', '.'], process.env, repository),
  );
}

function architectures(packages: string): string {
  return [...new Set([...packages.matchAll(/^Architecture: (.*)$/gm)].map(([, name]) => name))].join(' ');
}

function sign(key: string, env: NodeJS.ProcessEnv): void {
  const gpg = ['gpg', '--batch', '--yes', '--local-user', key];
  const release = join(repository, 'Release');
  run([...gpg, '--clearsign', '--output', join(repository, 'InRelease'), release], env);
  run([...gpg, '--armor', '--detach-sign', '--output', `${release}.gpg`, release], env);
  run([...gpg, '--output', join(repository, 'trasa-agent.gpg'), '--export', key], env);
}

function withThrowAwayKey(work: (key: string, env: NodeJS.ProcessEnv) => void): void {
  const home = mkdtempSync(join(tmpdir(), 'trasa-gpg-'));
  const env = { ...process.env, GNUPGHOME: home };
  const key = 'trasa-agent throw-away key';
  try {
    run(['gpg', '--batch', '--passphrase', '', '--quick-generate-key', key, 'ed25519', 'sign', 'never'], env);
    work(key, env);
  } finally {
    run(['gpgconf', '--kill', 'all'], env);
    rmSync(home, { recursive: true, force: true });
  }
}

/** @returns what it printed. If it fails, that is shown, and this program ends. */
function run([program = '', ...args]: readonly string[], env: NodeJS.ProcessEnv, cwd = root): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
  });
  if (status === 0) return stdout;
  console.error(`${stdout}${stderr}package: failed: ${program} ${args.join(' ')}`);
  process.exit(1);
}
