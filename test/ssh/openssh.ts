/** OpenSSH's own ssh-keygen: the referee. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseKeyLine, publicKeyLine } from '../../src/ssh/key-line.ts';
import type { Parsed } from '../../src/ssh/parsed.ts';
import { type PublicKey, parsePublicKey } from '../../src/ssh/public-key.ts';

/** A new one, which goes with the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'trasa-ssh-'));
  folders.push(path);
  return path;
}

const folders: string[] = [];
process.once('exit', () => {
  for (const path of folders) rmSync(path, { recursive: true });
});

/** What it printed; throws if it failed. */
export function keygen(...args: string[]): string {
  return execFileSync('ssh-keygen', args, {
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** What `ssh-keygen -Q` says of each of the keys and certificates. */
export function revokedBy(krlFile: string, files: readonly string[]): ReadonlyMap<string, boolean> {
  const { stdout } = spawnSync('ssh-keygen', ['-Q', '-f', krlFile, ...files], { encoding: 'utf8' });
  const lines = [...stdout.matchAll(/^(\S+) .*: (ok|REVOKED)$/gm)];
  return new Map(lines.map(([, file = '', verdict]) => [file, verdict === 'REVOKED']));
}

export type SoftType = 'ed25519' | 'ecdsa-256' | 'ecdsa-384' | 'ecdsa-521' | 'rsa-2048';
export const softTypes: readonly SoftType[] = ['ed25519', 'ecdsa-256', 'ecdsa-384', 'ecdsa-521', 'rsa-2048'];

/** A key pair made by ssh-keygen: `path` and `path.pub`. */
export function makeKey(path: string, type: SoftType = 'ed25519'): { readonly path: string; readonly key: PublicKey } {
  const [name = '', bits] = type.split('-');
  keygen(
    '-q',
    '-t',
    name,
    ...(bits === undefined ? [] : ['-b', bits]),
    '-N',
    '',
    '-C',
    'made by ssh-keygen',
    '-f',
    path,
  );
  return { path, key: keyIn(`${path}.pub`) };
}

/** Security keys need a device to be made, but not to be certified. */
export const securityKeys: readonly PublicKey[] = [
  {
    type: 'sk-ssh-ed25519@openssh.com',
    point: Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex'), // RFC 8032 §7.1
    application: 'ssh:',
  },
  {
    type: 'sk-ecdsa-sha2-nistp256@openssh.com',
    point: Buffer.from(
      '0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299', // RFC 6979 §A.2.5
      'hex',
    ),
    application: 'ssh:work',
  },
];

export function writePublicKey(path: string, key: PublicKey): string {
  writeFileSync(path, `${publicKeyLine(key, 'ours')}\n`);
  return path;
}

export function keyIn(file: string): PublicKey {
  return valueOf(parsePublicKey(blobIn(file)));
}

export function blobIn(file: string): Buffer {
  return valueOf(parseKeyLine(readFileSync(file, 'utf8'))).blob;
}

export function valueOf<T>(read: Parsed<T>): T {
  if (read.kind === 'malformed') throw new Error(`it ${read.text}`);
  return read.value;
}

/** What `ssh-keygen -L` says of a certificate. */
export interface Described {
  readonly type: string;
  readonly keyFingerprint: string;
  readonly caFingerprint: string;
  readonly algorithm: string;
  readonly keyId: string;
  readonly serial: string;
  readonly valid: string;
  readonly principals: readonly string[];
  readonly criticalOptions: readonly string[];
  readonly extensions: readonly string[];
}

export function describe(certificateFile: string): Described {
  const text = keygen('-L', '-f', certificateFile);
  const field = (name: string): string => new RegExp(`^ {8}${name}: (.*?) ?$`, 'm').exec(text)?.[1] ?? 'missing';
  const list = (name: string): string[] =>
    (new RegExp(`^ {8}${name}: *\\n((?: {16}.*\\n)*)`, 'm').exec(text)?.[1] ?? '')
      .split('\n')
      .map(line => line.trim())
      .filter(line => line !== '');
  const [, caFingerprint = '', algorithm = ''] = /(SHA256:\S+) \(using (.*)\)/.exec(field('Signing CA')) ?? [];
  return {
    type: field('Type'),
    keyFingerprint: field('Public key').split(' ')[1] ?? '',
    caFingerprint,
    algorithm,
    keyId: field('Key ID'),
    serial: field('Serial'),
    valid: field('Valid'),
    principals: list('Principals'),
    criticalOptions: list('Critical Options'),
    extensions: list('Extensions'),
  };
}
