/** What the `trasa-agent ca …` commands share: the options, the CA, its passphrase, and how they end. */
import type { Authority, Issuer } from '../ca/authority.ts';
import type { Outsider } from '../ca/key-file.ts';
import type { CaResult } from '../ca/result.ts';
import type { Secret } from '../otp/secret.ts';
import { exitStatus } from '../policy/refusals.ts';
import type { CertType } from '../ssh/certificate.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { exitStatuses } from './exit-statuses.ts';
import { fail, say } from './server-common.ts';

/** The epilogue of their help. */
export const caStatuses = exitStatuses('done', ['failed', 'config']);

export const directoryOption = {
  ca: {
    type: 'string',
    requiresArg: true,
    default: '/var/lib/trasa-ca',
    describe: "directory of the CAs' keys and records; its user's alone (mode 0700)",
  },
} as const;

export const passphraseOption = {
  'passphrase-file': {
    type: 'string',
    requiresArg: true,
    describe:
      'file whose first line is the passphrase of the CA, or the PIN of its token (a systemd credential, say) [default: ask]',
  },
  'master-key': {
    type: 'string',
    requiresArg: true,
    conflicts: 'passphrase-file',
    describe:
      "of a CA that `trasa-agent server` keeps: the file of the server's master key, which stands for the passphrase",
  },
} as const;

/** Runs `work` unless the command line has a problem. */
export async function unless(problem: string | undefined, work: () => Promise<void>): Promise<void> {
  if (problem === undefined) await work();
  else fail(problem, exitStatus.usage);
}

export const typePositional = { choices: ['user', 'host'] as const, demandOption: true, describe: 'which CA' } as const;

export const keyTypeOption = {
  type: {
    choices: ['ed25519', 'ecdsa-256', 'ecdsa-384', 'ecdsa-521', 'rsa-3072', 'rsa-4096'] as const,
    default: 'ed25519' as const,
    describe: 'of the key',
  },
} as const;

export const outsideOptions = {
  'agent-key': {
    type: 'string',
    requiresArg: true,
    describe:
      'the public half (a .pub file) of a key that your ssh-agent, or the token of --pkcs11, has, which then signs',
  },
  pkcs11: {
    type: 'string',
    requiresArg: true,
    describe:
      'the PKCS #11 module of a token that has the key, and then signs; its PIN is in the place of a passphrase',
  },
} as const;

export const outputOption = {
  output: { type: 'string', requiresArg: true, describe: 'write to this file, whole or not at all [default: print]' },
} as const;

export const pinOption = {
  pin: {
    type: 'string',
    requiresArg: true,
    implies: 'url',
    describe: "of the server's key (sha256//…, as server start prints it) [default: the system's CAs vouch for it]",
  },
} as const;

interface DirectoryArguments {
  readonly ca: string;
}

export interface UnlockArguments extends DirectoryArguments {
  readonly passphraseFile?: string | undefined;
  readonly masterKey?: string | undefined;
}

/** Runs with the CA's records open. */
export async function withAuthority(
  { ca }: DirectoryArguments,
  work: (authority: Authority) => Promise<CaResult<unknown>>,
): Promise<void> {
  const { openAuthority } = await import('../ca/authority.ts');
  const opened = openAuthority(ca);
  if (opened.kind !== 'done') {
    finish(opened);
    return;
  }
  try {
    finish(await work(opened.value));
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    finish({ kind: 'config', text: `${ca}/ca.db: ${error.message}` }); // locked, damaged, or the disk is full
  } finally {
    opened.value.close();
  }
}

function isDatabaseError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR';
}

/** Runs with one of the CAs able to sign. */
export async function withIssuer(
  args: UnlockArguments,
  type: CertType,
  work: (issuer: Issuer) => Promise<CaResult<unknown>>,
): Promise<void> {
  await withAuthority(args, async authority => {
    const { openIssuer } = await import('../ca/authority.ts');
    const { closeTokens } = await import('../ca/token.ts');
    try {
      const issuer = await openIssuer(authority, type, {
        passphrase: async () => await passphraseOf(args, false),
        pin: async () => await pinOf(args),
        socket: () => agentSocket(type),
      });
      return issuer.kind === 'done' ? await work(issuer.value) : issuer;
    } finally {
      await closeTokens();
    }
  });
}

function agentSocket(type: CertType): CaResult<string> {
  const socket = process.env['SSH_AUTH_SOCK'];
  return socket === undefined || socket === ''
    ? { kind: 'config', text: `the ${type} CA's key is kept by an ssh-agent, and SSH_AUTH_SOCK names none` }
    : { kind: 'done', value: socket };
}

/** Never made of a master key: a token counts wrong PINs. */
async function pinOf({ passphraseFile }: UnlockArguments): Promise<CaResult<Secret>> {
  return await passphraseOf({ ca: '', passphraseFile }, false, 'PIN');
}

export interface OutsideArguments extends UnlockArguments {
  readonly agentKey?: string | undefined;
  readonly pkcs11?: string | undefined;
}

/** The key that is to be a CA's, if somebody else keeps it. */
export async function outsideKey(
  args: OutsideArguments,
): Promise<CaResult<{ readonly key: PublicKey; readonly keeper: Outsider } | undefined>> {
  const { agentKey, pkcs11: provider } = args;
  const { readPublicKey } = await import('../ca/files.ts');
  const named = agentKey === undefined ? undefined : readPublicKey(agentKey);
  if (named !== undefined && named.kind !== 'done') return named;
  if (provider === undefined)
    return { kind: 'done', value: named && { key: named.value, keeper: { kind: 'ssh-agent' } } };
  const { closeTokens, keyOfToken } = await import('../ca/token.ts');
  const pin = await pinOf(args);
  if (pin.kind !== 'done') return pin;
  const key = await keyOfToken(provider, pin.value, named?.value);
  await closeTokens();
  return key.kind === 'done' ? { kind: 'done', value: { key: key.value, keeper: { kind: 'token', provider } } } : key;
}

/** @param isNew asks twice */
export async function passphraseOf(
  { passphraseFile, masterKey }: UnlockArguments,
  isNew: boolean,
  word: 'passphrase' | 'PIN' = 'passphrase',
): Promise<CaResult<Secret>> {
  const { readPassphrase } = await import('../ca/passphrase.ts');
  const { forbidDumps } = await import('../host/no-dumps.ts');
  forbidDumps(); // the passphrase and the CA's key are in memory from here on
  if (passphraseFile !== undefined) return readPassphrase(passphraseFile);
  if (masterKey !== undefined) return await passphraseOfServer(masterKey);
  const { askNewPassword, askOn } = await import('../server/admin/terminal.ts');
  const asker = askOn(process.stdin, process.stderr);
  try {
    if (asker.isTerminal) process.stderr.write(`The ${word} of the CA is needed.\n`);
    const typed = isNew
      ? await askNewPassword(asker)
      : await asker.askHidden(word === 'PIN' ? 'PIN: ' : 'Passphrase: ');
    return typed === undefined
      ? { kind: 'refused', text: `no ${word} was given, or the two differ` }
      : { kind: 'done', value: typed };
  } finally {
    asker.close();
  }
}

async function passphraseOfServer(masterKeyFile: string): Promise<CaResult<Secret>> {
  const { readMasterKey } = await import('../store/master-key.ts');
  const { caPassphrase } = await import('../server/server-cas.ts');
  const read = readMasterKey(masterKeyFile);
  return read.kind === 'key' ? { kind: 'done', value: caPassphrase(read.key) } : { kind: 'config', text: read.text };
}

export async function give(content: string | Buffer, output: string | undefined): Promise<CaResult<void>> {
  if (output !== undefined) {
    const { publish } = await import('../ca/files.ts');
    return publish(output, content);
  }
  if (typeof content === 'string') say(content.trimEnd());
  else process.stdout.write(content);
  return { kind: 'done', value: undefined };
}

/** What did not come about becomes a line on stderr and the exit status. */
export function finish(result: CaResult<unknown>): void {
  if (result.kind !== 'done') fail(result.text, result.kind === 'config' ? exitStatus.config : exitStatus.failed);
}
