/**
 * PKCS #11 tokens (smartcards, HSMs), by an ssh-agent of our own that lives as long as this process and that nobody else
 * reaches: OpenSSH loads the vendor's module in a process of its own (ssh-pkcs11-helper), not in ours.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Secret } from '../otp/secret.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import type { CaSigner } from '../ssh/sign-certificate.ts';
import { byte, string } from '../ssh/wire.ts';
import { agentSigner, askAgent, keysOfAgent } from './agent-signer.ts';
import { fingerprintOf } from './issue.ts';
import { type CaResult, done, notInOrder, refused, tryingTo } from './result.ts';

interface Token {
  readonly socket: string;
  readonly keys: readonly PublicKey[];
  close(): Promise<void>;
}

/**
 * One for each module. A PIN that a token refused stays refused, and is not tried again by this process: three wrong ones
 * lock most tokens for good.
 */
const tokens = new Map<string, Promise<CaResult<Token>>>();

/**
 * The key of a token that can be a CA's.
 *
 * @param provider the vendor's module, such as /usr/lib/softhsm/libsofthsm2.so
 * @param named which one; undefined: the only one
 */
export async function keyOfToken(provider: string, pin: Secret, named?: PublicKey): Promise<CaResult<PublicKey>> {
  const token = await openToken(provider, pin);
  if (token.kind !== 'done') return token;
  const { keys } = token.value;
  const found = named === undefined ? keys : keys.filter(key => fingerprintOf(key) === fingerprintOf(named));
  const [key] = found;
  if (key !== undefined && found.length === 1) return done(key);
  const list = keys
    .map(one => `${one.type} ${fingerprintOf(one)}`)
    .toSorted()
    .join(', ');
  return refused(`${provider}: its token has ${list || 'no key of SSH'}; say which by --agent-key and a .pub file`);
}

export async function tokenSigner(provider: string, publicKey: PublicKey, pin: Secret): Promise<CaResult<CaSigner>> {
  const token = await openToken(provider, pin);
  return token.kind === 'done' ? done(agentSigner(token.value.socket, publicKey)) : token;
}

/** Nobody can sign by them any more. Until then they keep the process alive. */
export async function closeTokens(): Promise<void> {
  const open = [...tokens.values()];
  tokens.clear();
  for (const opening of open) {
    const token = await opening;
    if (token.kind === 'done') await token.value.close();
  }
}

async function openToken(provider: string, pin: Secret): Promise<CaResult<Token>> {
  const known = tokens.get(provider);
  if (known !== undefined) return await known;
  const opening = tryingTo(provider, async () => await unlock(provider, pin));
  tokens.set(provider, opening);
  return await opening;
}

async function unlock(provider: string, pin: Secret): Promise<CaResult<Token>> {
  // ssh-agent takes the list of modules that it may load as patterns.
  if (!isAbsolute(provider) || /[*?!,\s]/.test(provider))
    return notInOrder(`${provider}: say the absolute path of a PKCS #11 module`);
  const folder = mkdtempSync(join(tmpdir(), 'trasa-token-')); // 0700
  const socket = join(folder, 'agent');
  let agent: ChildProcess | undefined;
  const close = async (): Promise<void> => {
    // The agent itself ends some seconds later.
    await askAgent(socket, Buffer.concat([byte(removeToken), string(provider), string('')])).catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
    agent?.stdin?.end();
    if (agent?.exitCode === null && agent.signalCode === null) await once(agent, 'exit');
  };
  try {
    agent = await startAgent(socket, realpathSync(provider));
    const [verdict] = await askAgent(socket, Buffer.concat([byte(addToken), string(provider), string(pin.expose())]));
    if (verdict === success) return done({ socket, keys: await keysOfAgent(socket), close });
    await close();
    return refused(`${provider}: shows no key: the PIN is wrong, or there is no token, or no key on it`);
  } catch (error) {
    await close();
    throw error;
  }
}

const addToken = 20; // SSH_AGENTC_ADD_SMARTCARD_KEY
const removeToken = 21; // SSH_AGENTC_REMOVE_SMARTCARD_KEY
const success = 6; // SSH_AGENT_SUCCESS

/**
 * It ends soon after the program that it was given to run, and that ends when we do, however that happens: its input is
 * ours. When it echoes, the socket is there.
 */
async function startAgent(socket: string, provider: string): Promise<ChildProcess> {
  const child = spawn('/usr/bin/ssh-agent', ['-a', socket, '-P', provider, '/bin/cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => undefined); // its exit says more
  const echoed = once(child.stdout, 'data').then(() => true);
  const ended = once(child, 'exit').then(() => false); // rejects if it cannot be started
  child.stdin.write('\n');
  if (!(await Promise.race([echoed, ended]))) throw new Error('ssh-agent, which asks the token, does not run');
  return child;
}
