/** A CA whose private key an ssh-agent keeps (draft-ietf-sshm-ssh-agent), or a token behind it: PKCS #11, FIDO. */
import { createConnection, type Socket } from 'node:net';
import { encodePublicKey, type PublicKey, parsePublicKey } from '../ssh/public-key.ts';
import type { CaSigner } from '../ssh/sign-certificate.ts';
import { byte, string, uint32, WireReader } from '../ssh/wire.ts';

/** @param socket path of the agent's socket */
export function agentSigner(socket: string, publicKey: PublicKey): CaSigner {
  return {
    publicKey,
    sign: async data => {
      const flags = publicKey.type === 'ssh-rsa' ? rsaSha512 : 0;
      const key = string(encodePublicKey(publicKey));
      const answer = await askAgent(socket, Buffer.concat([byte(signRequest), key, string(data), uint32(flags)]));
      const reader = new WireReader(answer);
      if (reader.byte() !== signResponse) throw new Error(`the agent at ${socket} does not sign with the CA's key`);
      const signature = reader.string();
      if (!reader.isWhole) throw new Error(`the agent at ${socket} answers something else than a signature`);
      return signature;
    },
  };
}

const requestIdentities = 11; // SSH_AGENTC_REQUEST_IDENTITIES
const signRequest = 13; // SSH_AGENTC_SIGN_REQUEST
const signResponse = 14; // SSH_AGENT_SIGN_RESPONSE
const rsaSha512 = 4; // SSH_AGENT_RSA_SHA2_512
/** A person may have to touch the token. */
const timeoutMs = 60_000;
const maxAnswerBytes = 65_536;

/** What it could sign with; nothing is signed, and nobody has to touch anything. Rejects as {@link askAgent} does. */
export async function keysOfAgent(path: string, waitMs = timeoutMs): Promise<PublicKey[]> {
  return keysIn(await askAgent(path, byte(requestIdentities), waitMs));
}

/** One request and its answer, without their lengths. Rejects with an Error that names the agent. */
export async function askAgent(path: string, request: Buffer, waitMs = timeoutMs): Promise<Buffer> {
  const socket = createConnection(path);
  try {
    return await new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`the agent at ${path} ${why}`));
      socket.setTimeout(waitMs, () => fail('does not answer'));
      socket.once('error', error => fail(`cannot be asked: ${error.message}`));
      socket.once('close', () => fail('went away without an answer'));
      collect(socket, resolve, fail);
      socket.write(string(request));
    });
  } finally {
    socket.destroy();
  }
}

function collect(socket: Socket, resolve: (answer: Buffer) => void, fail: (why: string) => void): void {
  let received: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const length = received.length < 4 ? 0 : received.readUInt32BE();
    if (length > maxAnswerBytes || received.length > maxAnswerBytes) fail('answers too much');
    else if (received.length >= 4 && received.length >= 4 + length) resolve(received.subarray(4, 4 + length));
  });
}

/** Those of types that nobody knows here are none for a CA. */
function keysIn(answer: Buffer): PublicKey[] {
  const reader = new WireReader(answer);
  reader.byte();
  const keys: PublicKey[] = [];
  for (let left = reader.uint32(); left > 0 && reader.hasMore; left--) {
    const key = parsePublicKey(reader.string());
    reader.string(); // its comment
    if (key.kind === 'parsed') keys.push(key.value);
  }
  return keys;
}
