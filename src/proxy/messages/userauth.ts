/** The messages of the authentication protocol (RFC 4252) and of keyboard-interactive (RFC 4256), both ways. */
import { Secret } from '../../otp/secret.ts';
import { cleanText } from '../../protocol/clean.ts';
import { byte, string, uint32, WireReader } from '../../ssh/wire.ts';
import { msg } from './numbers.ts';

export const connectionService = 'ssh-connection';
export const userauthService = 'ssh-userauth';

export interface AuthRequest {
  readonly user: string;
  readonly service: string;
  readonly method: AuthMethod;
}

export type AuthMethod =
  | { readonly kind: 'publickey'; readonly offer: KeyOffer }
  | { readonly kind: 'keyboard-interactive' }
  | { readonly kind: 'none' }
  | { readonly kind: 'other' };

export interface KeyOffer {
  readonly algorithm: string;
  /** A public key or a certificate. */
  readonly blob: Buffer;
  /** Undefined: the client asks whether it should sign at all, and has proved nothing. */
  readonly proof: { readonly signature: Buffer; readonly signed: Buffer } | undefined;
}

/** @param sessionId what a signature is over begins with it */
export function parseAuthRequest(payload: Buffer, sessionId: Buffer): AuthRequest | undefined {
  const reader = new WireReader(payload);
  reader.byte();
  const user = reader.text();
  const service = reader.text();
  const name = reader.string().toString('latin1');
  const method = name === 'publickey' ? readKeyOffer(reader, sessionId) : readOther(name, reader);
  return reader.isWhole && user.length <= maxUserLength ? { user, service, method } : undefined;
}

/** Bounds what is kept and logged; no name that means anything here is longer. */
const maxUserLength = 256;

function readKeyOffer(reader: WireReader, sessionId: Buffer): AuthMethod {
  const isSigned = reader.boolean();
  const algorithm = reader.string().toString('latin1');
  const blob = reader.string();
  if (!isSigned) return { kind: 'publickey', offer: { algorithm, blob, proof: undefined } };
  const signed = Buffer.concat([string(sessionId), reader.consumed]);
  return { kind: 'publickey', offer: { algorithm, blob, proof: { signature: reader.string(), signed } } };
}

function readOther(name: string, reader: WireReader): AuthMethod {
  if (name === 'none') return { kind: 'none' };
  if (name === 'keyboard-interactive') {
    reader.string(); // language tag, deprecated
    reader.string(); // submethods: ours to choose
    return { kind: 'keyboard-interactive' };
  }
  while (reader.hasMore) reader.byte();
  return { kind: 'other' };
}

/** Undefined unless there are as many answers as questions were asked: no list grows by a number from outside. */
export function parseInfoResponse(payload: Buffer, asked: number): Secret[] | undefined {
  const reader = new WireReader(payload);
  reader.byte();
  if (reader.uint32() !== asked) return undefined;
  const answers = Array.from({ length: asked }, () => reader.text());
  const isBounded = answers.every(answer => answer.length <= maxAnswerLength);
  return reader.isWhole && isBounded ? answers.map(answer => new Secret(answer)) : undefined;
}

const maxAnswerLength = 1024;

export interface Question {
  readonly text: string;
  readonly echo: boolean;
}

export function infoRequest(instruction: string, questions: readonly Question[]): Buffer {
  return Buffer.concat([
    byte(msg.userauthInfoRequest),
    string(''), // name
    string(instruction),
    string(''), // language tag
    uint32(questions.length),
    ...questions.flatMap(({ text, echo }) => [string(text), byte(echo ? 1 : 0)]),
  ]);
}

/** @param partial a method succeeded, and another is needed */
export function authFailure(methods: readonly string[], partial: boolean): Buffer {
  return Buffer.concat([byte(msg.userauthFailure), string(methods.join(',')), byte(partial ? 1 : 0)]);
}

export const authSuccess: Buffer = byte(msg.userauthSuccess);

export function pkOk({ algorithm, blob }: KeyOffer): Buffer {
  return Buffer.concat([byte(msg.userauthPkOk), string(algorithm), string(blob)]);
}

export function banner(text: string): Buffer {
  return Buffer.concat([byte(msg.userauthBanner), string(text), string('')]);
}

export function serviceRequest(name: string): Buffer {
  return Buffer.concat([byte(msg.serviceRequest), string(name)]);
}

export function serviceAccept(name: string): Buffer {
  return Buffer.concat([byte(msg.serviceAccept), string(name)]);
}

/** The name in a request or acceptance of a service; undefined if it is malformed. */
export function serviceIn(payload: Buffer): string | undefined {
  const reader = new WireReader(payload);
  reader.byte();
  const name = reader.text();
  return reader.isWhole ? name : undefined;
}

/** The request of a client that signs, up to the signature: what it is over, less the session identifier. */
export function keyRequest(user: string, { algorithm, blob }: Pick<KeyOffer, 'algorithm' | 'blob'>): Buffer {
  return Buffer.concat([
    byte(msg.userauthRequest),
    string(user),
    string(connectionService),
    string('publickey'),
    byte(1),
    string(algorithm),
    string(blob),
  ]);
}

export function noneRequest(user: string): Buffer {
  return methodRequest(user, 'none');
}

export function passwordRequest(user: string, password: string): Buffer {
  return methodRequest(user, 'password', byte(0), string(password));
}

export function interactiveRequest(user: string): Buffer {
  return methodRequest(user, 'keyboard-interactive', string(''), string(''));
}

function methodRequest(user: string, method: string, ...rest: readonly Buffer[]): Buffer {
  return Buffer.concat([byte(msg.userauthRequest), ...[user, connectionService, method].map(string), ...rest]);
}

export function infoResponse(answers: readonly string[]): Buffer {
  return Buffer.concat([byte(msg.userauthInfoResponse), uint32(answers.length), ...answers.map(string)]);
}

export interface HostQuestions {
  readonly title: string;
  readonly questions: readonly Question[];
}

/** Of a host, its texts cleaned. Undefined if it is malformed, or more than a person is asked. */
export function parseInfoRequest(payload: Buffer): HostQuestions | undefined {
  const reader = new WireReader(payload);
  reader.byte();
  const name = reader.string().toString('utf8');
  const instruction = reader.string().toString('utf8');
  reader.string(); // language tag
  const count = reader.uint32();
  if (count > maxQuestions) return undefined;
  const questions = Array.from({ length: count }, () => {
    const text = reader.string().toString('utf8');
    return { text: `${cleanText(text, 512)} `, echo: reader.boolean() };
  });
  const title = [name, instruction].map(text => cleanText(text, 512)).filter(text => text !== '');
  return reader.isWhole ? { title: title.join(': '), questions } : undefined;
}

/** Of one request; a host that asks more has something else in mind. */
const maxQuestions = 8;

/** As it came. */
export function parseBanner(payload: Buffer): string {
  const reader = new WireReader(payload);
  reader.byte();
  return reader.string().toString('utf8');
}

/** What a server says when it wants more, or something else. Undefined if it is malformed. */
export function parseAuthFailure(payload: Buffer): { methods: string[]; partial: boolean } | undefined {
  const reader = new WireReader(payload);
  reader.byte();
  const methods = reader.string().toString('latin1').split(',');
  const partial = reader.boolean();
  return reader.isWhole ? { methods, partial } : undefined;
}
