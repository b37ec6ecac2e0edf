import type { ServerState } from '../state/open-state.ts';
import { findPerson } from './people.ts';
import { done, failure, type Result } from './result.ts';

/** One line per enrolled factor: id, kind, what it is, since when. */
export function listDevices(state: ServerState, trasaID: string): Result<string[]> {
  const person = findPerson(state, trasaID);
  if (person.kind === 'failed') return person;
  const totp = state.credentials
    .ofPerson(person.value.id)
    .map(({ id, algorithm, digits, periodSeconds, createdAt }) =>
      [id, 'totp', `${algorithm}, ${digits} digits, ${periodSeconds} s`, day(createdAt)].join('\t'),
    );
  const push = state.devices
    .ofPerson(person.value.id)
    .map(({ id, name, createdAt }) => [id, 'push', name, day(createdAt)].join('\t'));
  return done([...totp, ...push]);
}

/** A lost or stolen device opens nothing more, at once. */
export function removeDevice({ credentials, devices }: ServerState, id: string): Result<void> {
  return credentials.remove(id) || devices.remove(id) ? done(undefined) : failure(`no device has the id ${id}`);
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
