/** A PKCS #11 token in software: SoftHSM, with tokens of its own. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from '../ssh/openssh.ts';

export const softHsm = '/usr/lib/softhsm/libsofthsm2.so';
export const noSoftHsm: string | false = !existsSync(softHsm) && `${softHsm} is missing`;

export interface SoftToken {
  /** Of whatever loads the module. */
  readonly env: { readonly SOFTHSM2_CONF: string };
  /** @param id two hexadecimal digits */
  addKey(id: string, kind: 'rsa' | 'ec'): void;
}

export function softToken(pin: string): SoftToken {
  const here = folder();
  mkdirSync(join(here, 'tokens'));
  const config = join(here, 'softhsm2.conf');
  writeFileSync(config, `directories.tokendir = ${join(here, 'tokens')}\nobjectstore.backend = file\n`);
  const env = { SOFTHSM2_CONF: config };
  const run = (program: string, ...args: string[]): void =>
    void execFileSync(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  run('softhsm2-util', '--init-token', '--free', '--label', 'ca', '--pin', pin, '--so-pin', pin);
  const algorithms = {
    rsa: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
    ec: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  } as const;
  return {
    env,
    addKey: (id, kind) => {
      const pem = join(here, `${id}.pem`);
      run('openssl', 'genpkey', '-quiet', ...algorithms[kind], '-out', pem);
      run('softhsm2-util', '--import', pem, '--token', 'ca', '--label', id, '--id', id, '--pin', pin);
    },
  };
}
