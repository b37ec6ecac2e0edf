import type { ServerState } from '../state/open-state.ts';
import type { Group } from '../store/groups.ts';
import { findPerson } from './people.ts';
import { done, failure, type Result } from './result.ts';

export function addGroup({ groups }: ServerState, name: string, now: number): Result<Group> {
  if (!/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u.test(name)) return failure(`${name} is not a name for a group`);
  const added = groups.add(name, now);
  return added === undefined ? failure(`there is a group ${name} already`) : done(added);
}

export function findGroup({ groups }: ServerState, name: string): Result<Group> {
  const group = groups.find(name);
  return group === undefined ? failure(`there is no group ${name}`) : done(group);
}

export function removeGroup(state: ServerState, name: string): Result<Group> {
  const group = findGroup(state, name);
  if (group.kind === 'done') state.groups.remove(group.value.id);
  return group;
}

export function joinGroup(state: ServerState, name: string, trasaID: string): Result<void> {
  return withMember(state, name, trasaID, (group, person) => {
    state.groups.addMember(group, person);
    return done(undefined);
  });
}

export function leaveGroup(state: ServerState, name: string, trasaID: string): Result<void> {
  return withMember(state, name, trasaID, (group, person) =>
    state.groups.removeMember(group, person) ? done(undefined) : failure(`${trasaID} is not in ${name}`),
  );
}

/** One line per group: its name, and the emails of those in it. */
export function listGroups({ groups, people }: ServerState): string[] {
  return groups.all().map(({ id, name }) => {
    const members = groups.membersOf(id).map(person => people.byId(person)?.email ?? person);
    return `${name}\t${members.length === 0 ? '-' : members.toSorted().join(' ')}`;
  });
}

function withMember(
  state: ServerState,
  name: string,
  trasaID: string,
  work: (group: string, person: string) => Result<void>,
): Result<void> {
  const group = findGroup(state, name);
  if (group.kind === 'failed') return group;
  const person = findPerson(state, trasaID);
  return person.kind === 'failed' ? person : work(group.value.id, person.value.id);
}
