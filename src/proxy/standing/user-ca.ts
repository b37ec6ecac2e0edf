import { existsSync } from 'node:fs';
import { keysOfAgent } from '../../ca/agent-signer.ts';
import { type Authority, caKey, openAuthority, unlockCa } from '../../ca/authority.ts';
import { caStatus, isOldKey } from '../../ca/ca-status.ts';
import { fingerprintOf } from '../../ca/issue.ts';
import { type LockedKey, madeAt } from '../../ca/key-file.ts';
import type { ProxySettings } from '../../config/config.ts';
import type { UserCaSight } from '../../system/proxy-standing.ts';
import { meansOf } from '../certifier.ts';

/**
 * Could the proxy sign? Nothing is signed: an agent is asked which keys it has, and a token, which counts wrong PINs, nothing.
 *
 * @param opens also tries the passphrase, which takes half a second and 128 MiB
 */
export async function lookAtUserCa(settings: ProxySettings, now: number, opens: boolean): Promise<UserCaSight> {
  const none = { keeper: '', since: null, isOld: false, lines: [] };
  const authority = openAuthority(settings.caDirectory);
  if (authority.kind !== 'done') return { ...none, trouble: authority.text };
  try {
    const key = caKey(authority.value, 'user');
    if (key.kind !== 'done') return { ...none, trouble: key.text };
    return {
      trouble: (await troubleOf(authority.value, key.value, settings, opens)) ?? null,
      keeper: key.value.keeper.kind,
      since: madeAt(key.value),
      isOld: isOldKey(key.value, now),
      lines: caStatus(settings.caDirectory, now).lines,
    };
  } finally {
    authority.value.close();
  }
}

async function troubleOf(
  authority: Authority,
  { keeper, publicKey }: LockedKey,
  settings: ProxySettings,
  opens: boolean,
): Promise<string | undefined> {
  const means = meansOf(settings);
  switch (keeper.kind) {
    case 'passphrase': {
      const passphrase = await means.passphrase();
      if (passphrase.kind !== 'done') return passphrase.text;
      const issuer = opens ? await unlockCa(authority, 'user', passphrase.value) : passphrase;
      return issuer.kind === 'done' ? undefined : issuer.text;
    }
    case 'ssh-agent': {
      const socket = means.socket();
      if (socket.kind !== 'done') return socket.text;
      return await agentTrouble(socket.value, fingerprintOf(publicKey));
    }
    case 'token': {
      const pin = await means.pin();
      if (pin.kind !== 'done') return pin.text;
      return existsSync(keeper.provider) ? undefined : `${keeper.provider}: the module of the token is not there`;
    }
  }
}

const agentMs = 5_000;

async function agentTrouble(socket: string, wanted: string): Promise<string | undefined> {
  try {
    const keys = await keysOfAgent(socket, agentMs);
    return keys.some(key => fingerprintOf(key) === wanted)
      ? undefined
      : `the agent at ${socket} does not have the key of the User CA (${wanted})`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
