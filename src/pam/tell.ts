import { writeAll } from '../host/say.ts';

/** PAM_MAX_MSG_SIZE, without the NUL at its end. */
const maxBytes = 511;

/** One line for the person. With `stdout` on its line pam_exec shows what stands on standard output, line by line. */
export function tell(text: string): void {
  writeAll(1, `${cutToBytes(text, maxBytes)}\n`);
}

/** The longest beginning of `text` that fits, in whole characters. */
export function cutToBytes(text: string, max: number): string {
  let room = max;
  let end = 0;
  for (const character of text) {
    room -= Buffer.byteLength(character);
    if (room < 0) break;
    end += character.length;
  }
  return text.slice(0, end);
}
