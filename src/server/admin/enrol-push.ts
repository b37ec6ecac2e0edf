import { generateKeyPairSync } from 'node:crypto';
import { Secret } from '../../otp/secret.ts';
import { deviceText } from '../device/device-file.ts';
import type { ServerState } from '../state/open-state.ts';
import type { PushDevice } from '../store/push-devices.ts';
import { findPerson } from './people.ts';
import { done, failure, type Result } from './result.ts';

export interface PushRequest {
  readonly person: string;
  /** How the administrator will tell it from others. */
  readonly name: string;
  /** Where the device finds this server: https. */
  readonly server: string;
  /** `sha256//…` of the server's key; undefined: the system's CAs vouch for it. */
  readonly pin: string | undefined;
}

/** Makes a key pair, enrols its public half, and returns what goes into the device's file. */
export function enrolPush(
  state: ServerState,
  request: PushRequest,
  now: number,
): Result<{ readonly device: PushDevice; readonly file: Secret }> {
  const person = findPerson(state, request.person);
  if (person.kind === 'failed') return person;
  const { id, email } = person.value;
  if (state.devices.ofPerson(id).length >= maxDevices)
    return failure(`${email} has ${maxDevices} devices already; remove one with: trasa-agent server device`);
  if (!/^[\p{L}\p{N} ._-]{1,64}$/u.test(request.name)) return failure(`${request.name} is not a name for a device`);
  const server = URL.parse(request.server);
  if (server?.protocol !== 'https:') return failure(`${request.server} is not the https address of a server`);

  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 3072,
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const device = state.devices.add(id, request.name, publicKey, now);
  const facts = { server, pin: request.pin, id: device.id, person: email };
  return done({ device, file: new Secret(deviceText(facts, new Secret(privateKey))) });
}

const maxDevices = 5;
