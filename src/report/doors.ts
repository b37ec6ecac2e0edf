import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanText } from '../protocol/clean.ts';

/** Where sshd and PAM are configured, and what names us there. */
const places = [
  { folder: '/etc/ssh', names: /^sshd_config$/, ours: /trasa-agent\s+login\b/ },
  { folder: '/etc/ssh/sshd_config.d', names: /\.conf$/, ours: /trasa-agent\s+login\b/ },
  { folder: '/etc/pam.d', names: /^[^.]*$/, ours: /pam_trasa\.so|trasa-agent\s+pam\b/ },
] as const;

/**
 * The lines that put us into the way of logins, as `file:line: text`. That they are there does not mean that every login
 * comes by them.
 *
 * @param root for tests
 */
export function doorLines(root = ''): readonly string[] {
  return places.flatMap(({ folder, names, ours }) =>
    namesIn(`${root}${folder}`, names).flatMap(name => {
      const path = join(folder, name);
      return read(`${root}${path}`)
        .split('\n')
        .flatMap((line, index) =>
          ours.test(withoutComment(line)) ? [`${path}:${index + 1}: ${cleanText(line, 200)}`] : [],
        );
    }),
  );
}

function withoutComment(line: string): string {
  return line.replace(/^\s*#.*/, '');
}

/** What cannot be read says nothing of us. */
function namesIn(folder: string, names: RegExp): readonly string[] {
  try {
    return readdirSync(folder)
      .filter(name => names.test(name))
      .toSorted();
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
