import type { Argv } from 'yargs';
import type { Issuer } from '../ca/authority.ts';
import type { CaResult } from '../ca/result.ts';
import { caStatuses, directoryOption, give, outputOption, passphraseOption, unless, withIssuer } from './ca-common.ts';
import { say } from './server-common.ts';

export function hostCertCommand(yargs: Argv): Argv {
  return yargs.command(
    'host-cert <names>',
    "certify a host's key for the names by which clients call it, or make a key and its certificate as a zip",
    command =>
      command
        .epilogue(caStatuses)
        .positional('names', {
          type: 'string',
          demandOption: true,
          describe: 'names and addresses, comma separated, without ports',
        })
        .options({
          ...directoryOption,
          ...passphraseOption,
          ...outputOption,
          key: {
            type: 'string',
            requiresArg: true,
            conflicts: ['zip', 'type'],
            describe: "the host's own public key, which stays as it is",
          },
          zip: {
            type: 'string',
            requiresArg: true,
            conflicts: 'output',
            describe: 'make a new key, and this file with it (mode 0600)',
          },
          type: {
            choices: ['rsa', 'ed25519'] as const,
            describe:
              'of the new key: rsa (id_rsa…, as TRASA names them; the default) or ed25519 (ssh_host_ed25519_key…)',
          },
          for: { type: 'string', requiresArg: true, default: '30d', describe: 'how long: 12h, 30d' },
        })
        .example('$0 ca host-cert web1.example.com,10.0.0.5 --key /etc/ssh/ssh_host_ed25519_key.pub', '')
        .example('$0 ca host-cert web1.example.com --zip server-certs.zip', 'to be extracted into /etc/ssh'),
    async args =>
      await unless(
        args.key === undefined && args.zip === undefined ? 'say --key or --zip' : undefined,
        async () => await withIssuer(args, 'host', async issuer => await hostCert(issuer, args)),
      ),
  );
}

interface HostCertArguments {
  readonly names: string;
  readonly for: string;
  readonly key?: string | undefined;
  readonly zip?: string | undefined;
  readonly type?: 'rsa' | 'ed25519' | undefined;
  readonly output?: string | undefined;
}

async function hostCert(issuer: Issuer, args: HostCertArguments): Promise<CaResult<unknown>> {
  const { parseDuration } = await import('../ca/duration.ts');
  const forSeconds = parseDuration(args.for);
  if (forSeconds === undefined) return { kind: 'refused', text: `--for ${args.for}: say 12h or 30d` };
  const names = args.names.split(',');
  if (args.zip !== undefined) {
    const { writeHostBundle } = await import('../ca/host-bundle.ts');
    const written = await writeHostBundle(args.zip, issuer, names, args.type ?? 'rsa', forSeconds, Date.now());
    if (written.kind === 'done') say(`${args.zip}: a new key of ${names.join(', ')}, serial ${written.value}`);
    return written;
  }
  const { readPublicKey } = await import('../ca/files.ts');
  const { signHostKey } = await import('../ca/host-certificate.ts');
  const { certificateLine } = await import('../ca/issue.ts');
  const key = readPublicKey(args.key ?? '');
  if (key.kind !== 'done') return key;
  const issued = await signHostKey(issuer, key.value, names, forSeconds, Date.now());
  if (issued.kind !== 'done') return issued;
  return await give(certificateLine(key.value, issued.value.certificate, names[0] ?? ''), args.output);
}
