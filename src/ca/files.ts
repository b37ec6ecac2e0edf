import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { fileExists, replaceFile } from '../host/private-file.ts';
import { type Certificate, parseCertificate } from '../ssh/certificate.ts';
import { parseKeyLine, parsePublicKeyLine } from '../ssh/key-line.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { parseExportedKeys } from './exported-keys.ts';
import { type CaResult, done, refused, trying } from './result.ts';

/** Writes what everybody may read: the old content stays until the new one is whole. */
export function publish(file: string, content: string | Buffer): CaResult<void> {
  return trying(file, () => {
    replaceFile(file, content, 0o644);
    return done(undefined);
  });
}

/** A public key that somebody wants certified. The file may be anybody's, and may be anything: it is only looked at. */
export function readPublicKey(file: string): CaResult<PublicKey> {
  if (file === '') return refused('name the file that has the public key; standard input is not read'); // yargs: a `-`
  return trying(file, () => {
    const line = parsePublicKeyLine(readBounded(file, maxKeyBytes).toString('utf8'));
    return line.kind === 'parsed' ? done(line.value.key) : refused(`${file}: ${line.text}`);
  });
}

/** Those of CAs, a line each, as `ca export` prints them: at least one. */
export function readPublicKeys(file: string): CaResult<readonly PublicKey[]> {
  const read = readBytes(file, maxKeyBytes);
  if (read.kind !== 'done') return read;
  const keys = parseExportedKeys(read.value?.toString('utf8') ?? '');
  if (keys.kind === 'malformed') return refused(`${file}: ${keys.text}`);
  return keys.value.length > 0
    ? done(keys.value)
    : refused(`${file}: is not there, or is empty; trasa-agent ca export makes it`);
}

export interface CertificateFile {
  readonly text: string;
  readonly blob: Buffer;
  readonly certificate: Certificate;
}

/** A certificate, as it stands in a file `…-cert.pub`. Nothing says yet that it counts. */
export function readCertificate(file: string): CaResult<CertificateFile> {
  return trying(file, () => {
    const text = readBounded(file, maxKeyBytes).toString('utf8');
    const line = parseKeyLine(text);
    const read = line.kind === 'parsed' ? parseCertificate(line.value.blob) : line;
    if (line.kind === 'malformed' || read.kind === 'malformed')
      return refused(`${file}: ${read.kind === 'malformed' ? read.text : ''}`);
    return done({ text, blob: line.value.blob, certificate: read.value });
  });
}

/** What is in a file of that many bytes at most; undefined: there is none. */
export function readBytes(file: string, maxBytes: number): CaResult<Buffer | undefined> {
  return trying(file, () => done(fileExists(file) ? readBounded(file, maxBytes) : undefined));
}

/** More than the longest line of a public key. */
const maxKeyBytes = 65_536;

/** Never waits, as a FIFO would have it. */
function readBounded(file: string, maxBytes: number): Buffer {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    if (!fstatSync(fd).isFile()) throw new Error('is not a regular file');
    const buffer = Buffer.alloc(Math.min(fstatSync(fd).size, maxBytes));
    return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(fd);
  }
}
