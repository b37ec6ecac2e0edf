import type { Clock, Random } from './ports.ts';

/** Crockford's base 32, as in the ULID specification (github.com/ulid/spec): no I, L, O, U. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A ULID: 48 bits of time and 80 of chance, 26 characters, so that ids sort by time and two never meet. */
export function newUlid(clock: Clock, random: Random): string {
  let time = '';
  for (let rest = clock.now(), i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = `${alphabet[rest % 32]}${time}`;
  let chance = '';
  for (let i = 0; i < 16; i++) chance += alphabet[random.below(32)];
  return time + chance;
}

/** When it was made, in milliseconds since 1970. The text must begin with one. */
export function timeOfUlid(id: string): number {
  return Array.from(id.slice(0, 10)).reduce((time, letter) => time * 32 + alphabet.indexOf(letter), 0);
}
