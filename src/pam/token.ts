/**
 * What was typed at pam_exec's one prompt. With `expose_authtok` it comes through a pipe on descriptor 0: at most 511
 * bytes, no line end, and nothing at all for an empty answer (before Linux-PAM 1.4.0 with a NUL behind it). Without, the
 * pipe is empty.
 *
 * SECURITY NOTE: behind pam_unix, and with sshd's password method, this is the login password. Only what has the
 * shape of a code is kept; the rest is forgotten here.
 */
import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import { readRecoveryCode } from '../otp/recovery-code.ts';
import { Secret } from '../otp/secret.ts';

/** PAM_MAX_RESP_SIZE, without the NUL at its end. */
const maxBytes = 511;

/** pam_exec writes all of it before we are started. If the pipe stays open all the same, somebody else has it too. */
const patienceMs = 2_000;

/** What to answer the daemon's question with; undefined: ask for a push. */
export async function readAnswer(fd = 0): Promise<Secret | undefined> {
  const bytes = await readPipe(fd);
  const answer = answerFrom(bytes.toString('latin1'));
  bytes.fill(0);
  return answer;
}

/** A code has 6 to 8 digits, as people type it; the daemon knows how many there must be. A recovery code has its own shape. */
export function answerFrom(token: string): Secret | undefined {
  const typed = token.replace(/\0$/, '').replace(/[ \t]/g, '');
  if (/^[0-9]{6,8}$/.test(typed)) return new Secret(typed);
  const recovery = readRecoveryCode(typed);
  if (recovery.kind === 'code') return recovery.code;
  return /[^ -~\u0080-\u00ff]/.test(typed) ? new Secret(noCode) : undefined;
}

/**
 * In the place of what nobody typed: sshd answers for those who must not get in this way, such as root under
 * `PermitRootLogin prohibit-password`, with control characters (auth-pam.c, fake_password). No phone may ring for that.
 */
const noCode = '?';

/** Never waits for long, and never for more than fits: a token that goes on beyond that is no code. */
async function readPipe(fd: number): Promise<Buffer> {
  if (!fstatSync(fd).isFIFO()) return Buffer.alloc(0);
  const pipe = new Socket({ fd, readable: true, writable: false });
  const { promise, resolve } = Promise.withResolvers<void>();
  const chunks: Buffer[] = [];
  let length = 0;
  pipe.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) resolve();
  });
  pipe.on('end', resolve).on('error', () => resolve());
  const timer = setTimeout(resolve, patienceMs);
  await promise;
  clearTimeout(timer);
  pipe.destroy();
  const token = Buffer.concat(chunks);
  for (const chunk of chunks) chunk.fill(0);
  return token.length > maxBytes ? Buffer.alloc(0) : token;
}
