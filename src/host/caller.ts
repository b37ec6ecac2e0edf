import { readFileSync } from 'node:fs';

/** Who runs this command, for a log: the uid, and, where the kernel kept it, that of the login behind su and sudo. */
export function callerOf(loginUidFile = '/proc/self/loginuid'): string {
  const uid = `uid ${process.getuid?.() ?? -1}`;
  let login = noLogin;
  try {
    login = readFileSync(loginUidFile, 'latin1').trim();
  } catch {
    // a kernel without audit
  }
  return login === noLogin || !/^\d+$/.test(login) ? uid : `${uid}, logged in as uid ${login}`;
}

/** (uid_t) -1 */
const noLogin = '4294967295';
