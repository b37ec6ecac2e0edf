import { hash } from 'node:crypto';

/** Under what name wrong passwords of a person are counted. What was typed may be a password in the wrong field: it is not kept. */
export function passwordKey(person: string): string {
  return `password:${hash('sha256', person, 'base64')}`;
}
