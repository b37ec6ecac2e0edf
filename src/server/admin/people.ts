import type { Secret } from '../../otp/secret.ts';
import { parseTrasaID } from '../../policy/identity.ts';
import { hashPassword } from '../password.ts';
import type { ServerState } from '../state/open-state.ts';
import type { Person, Role } from '../store/people.ts';
import { done, failure, type Result } from './result.ts';

export async function addPerson(
  { people }: ServerState,
  email: string,
  username: string | undefined,
  password: Secret | undefined,
  now: number,
): Promise<Result<Person>> {
  if (parseTrasaID(email)?.includes('@') !== true) return failure(`${email} is not an email address`);
  const isName = username === undefined || (parseTrasaID(username) !== undefined && !username.includes('@'));
  if (!isName) return failure(`${username} is not a username`);
  const weak = password === undefined ? undefined : weakness(password);
  if (weak !== undefined) return failure(weak);
  const person = people.add(email, username, password && (await hashPassword(password)), now);
  return person === undefined ? failure('that email or username is taken') : done(person);
}

export function findPerson({ people }: ServerState, trasaID: string): Result<Person> {
  const person = people.find(trasaID);
  return person === undefined ? failure(`nobody is known as ${trasaID}`) : done(person);
}

export async function changePassword(state: ServerState, trasaID: string, password: Secret): Promise<Result<Person>> {
  const person = findPerson(state, trasaID);
  const weak = weakness(password);
  if (weak !== undefined) return failure(weak);
  if (person.kind === 'done') state.people.setPassword(person.value.id, await hashPassword(password));
  return person;
}

export function enablePerson(state: ServerState, trasaID: string, enabled: boolean): Result<Person> {
  const person = findPerson(state, trasaID);
  if (person.kind === 'done') state.people.setEnabled(person.value.id, enabled);
  return person;
}

export function setRole(state: ServerState, trasaID: string, role: Role): Result<Person> {
  const person = findPerson(state, trasaID);
  if (person.kind === 'done') state.people.setRole(person.value.id, role);
  return person;
}

/** NIST SP 800-63B-4 §3.1.1.2: eight characters at least where a second factor is asked, too. */
function weakness(password: Secret): string | undefined {
  return password.length < 8 || password.length > 1024 ? 'a password has 8 to 1024 characters' : undefined;
}
