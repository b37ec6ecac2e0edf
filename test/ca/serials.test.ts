/** Serials and key files, when several work at once and when one is killed in the middle. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openAuthority } from '../../src/ca/authority.ts';
import { fingerprintOf } from '../../src/ca/issue.ts';
import { openIssues } from '../../src/ca/issues.ts';
import { allKeys } from '../../src/ca/rotation.ts';
import { until } from '../helpers/e2e/until.ts';
import { issuerOf, newAuthority, newDirectory, valueOf } from './ca.ts';

const programs = join(import.meta.dirname, '../fixtures/ca');

t.test('processes that issue at once never share a serial', async t => {
  const authority = await newAuthority(['user']);
  authority.close();
  const path = join(authority.directory, 'ca.db');
  const all = await Promise.all(
    [1, 7, 64].map(async atOnce => await output('take-serials.ts', path, String(atOnce), '100')),
  );
  const serials = all.flatMap(text => text.trim().split('\n'));
  t.equal(serials.length, 300);
  t.equal(new Set(serials).size, 300);
});

t.test('a process that is killed leaves a gap, and no serial is used again', async t => {
  const authority = await newAuthority(['user']);
  authority.close();
  const path = join(authority.directory, 'ca.db');
  const taken = (await killedAfter(200, 'take-serials.ts', path, '64', '1000000')).split('\n').map(BigInt);
  const issues = openIssues(path, 1);
  const next = issues.takeSerial();
  t.ok(taken.every(serial => serial < next));
  issues.close();
});

t.test('an init that is killed leaves a whole key file or none', async t => {
  let made = 0;
  for (let round = 0; round < 8; round++) {
    const directory = newDirectory();
    const text = await killedAfter(5, 'init-ca.ts', directory);
    for (const name of readdirSync(directory)) {
      if (!existsSync(join(directory, name, 'ssh-user-ca.key'))) continue;
      const authority = valueOf(openAuthority(join(directory, name)));
      t.equal((await issuerOf(authority, 'user')).signer.publicKey.type, 'ssh-ed25519');
      authority.close();
      made++;
    }
    for (const name of text.trim().split('\n'))
      t.ok(existsSync(join(directory, name, 'ssh-user-ca.key')), 'what it said stands');
  }
  t.ok(made >= 40);
});

t.test('a rotation that is killed leaves a CA that signs, and forgets none that has signed', async t => {
  const first = await newAuthority(['user']);
  first.close();
  const { directory } = first;
  const signed = new Set<string>();
  for (let round = 0; round < 6; round++) {
    const text = await killedAfter(4, 'rotate-ca.ts', directory);
    for (const name of text.trim().split('\n')) signed.add(name);
    const authority = valueOf(openAuthority(directory));
    t.equal((await issuerOf(authority, 'user')).signer.publicKey.type, 'ssh-ed25519');
    const known = new Set(allKeys(authority).map(fingerprintOf));
    t.strictSame(
      [...signed].filter(name => !known.has(name)),
      [],
    );
    t.same(
      readdirSync(directory).filter(
        name => !/^ca\.db(-wal|-shm)?$|^ssh-user-ca\.(next\.)?key(\.\d+\.new)?$/.test(name),
      ),
      [],
    );
    authority.close();
  }
});

/** @returns what it printed until it was killed, which was after so many lines, in the midst of whatever it did */
async function killedAfter(lines: number, program: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [join(programs, program), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await until(`${lines} lines`, () => text.split('\n').length > lines);
  child.kill('SIGKILL');
  await once(child, 'close');
  return text.slice(0, text.lastIndexOf('\n'));
}

async function output(program: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [join(programs, program), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(child, 'close');
  return text;
}
