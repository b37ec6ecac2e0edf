import { fingerprintOf } from '../../ca/issue.ts';
import type { CaResult } from '../../ca/result.ts';
import { publicKeyLine } from '../../ssh/key-line.ts';
import type { PublicKey } from '../../ssh/public-key.ts';
import type { ServerState } from '../state/open-state.ts';
import type { PersonKey } from '../store/person-keys.ts';
import { findPerson } from './people.ts';
import { done, failure, type Result } from './result.ts';

export function addKey(state: ServerState, trasaID: string, read: CaResult<PublicKey>, now: number): Result<PersonKey> {
  const person = findPerson(state, trasaID);
  if (person.kind === 'failed') return person;
  if (read.kind !== 'done') return failure(read.text);
  const fingerprint = fingerprintOf(read.value);
  const key = { fingerprint, person: person.value.id, publicKey: publicKeyLine(read.value), createdAt: now };
  if (state.keys.add(key)) return done(key);
  const owner = state.people.byId(state.keys.find(fingerprint)?.person ?? '')?.email ?? 'somebody';
  return failure(`${fingerprint} is registered already, as a key of ${owner}`);
}

/** One line per key: fingerprint, type, since when. */
export function listKeys(state: ServerState, trasaID: string): Result<string[]> {
  const person = findPerson(state, trasaID);
  if (person.kind === 'failed') return person;
  return done(
    state.keys
      .ofPerson(person.value.id)
      .map(({ fingerprint, publicKey, createdAt }) =>
        [fingerprint, publicKey.split(' ')[0], new Date(createdAt).toISOString().slice(0, 10)].join('\t'),
      ),
  );
}

export function removeKey({ keys }: ServerState, fingerprint: string): Result<void> {
  return keys.remove(fingerprint) ? done(undefined) : failure(`no key has the fingerprint ${fingerprint}`);
}
