/** The options that say how to reach the server: origins, pins, the HTTP proxy. */
import type { TomlValue } from 'smol-toml';
import { mustBe, type Option, plain, type Reading, readList, secret, valid, wrong } from './option.ts';

/** One https origin or several. */
export function origins(doc: string): Option<readonly URL[]> {
  const expects = 'an https URL, or a list of them';
  return {
    ...plain<readonly URL[]>(expects, [], '"https://trasa.example.com"', doc),
    isExample: true,
    read: value => readOrigins(value, expects),
  };
}

/** SHA-256 of public keys, in curl's spelling, in RFC 7469's, or bare. Read as bare base64. */
export function pins(doc: string): Option<readonly string[]> {
  const expects = 'a list of pins (sha256//BASE64)';
  return {
    ...plain<readonly string[]>(expects, [], '[]', doc),
    read: value => readList(value, expects, readPin),
  };
}

/** An HTTP proxy, whose URL may hold a password. */
export function httpProxy(doc: string): Option<URL | undefined> {
  const expects = 'the http:// URL of a proxy';
  const option = plain<URL | undefined>(expects, undefined, '"http://proxy.example.com:3128"', doc);
  return secret({ ...option, isExample: true, read: value => readProxy(value, expects) });
}

function readOrigins(value: TomlValue, expects: string): Reading<readonly URL[]> {
  if (Array.isArray(value))
    return value.length === 0 ? wrong('is an empty list') : readList(value, expects, readOrigin);
  if (typeof value !== 'string') return wrong(mustBe(expects, value));
  const one = readOrigin(value);
  return one.kind === 'value' ? valid([one.value]) : one;
}

function readOrigin(value: TomlValue): Reading<URL> {
  if (typeof value !== 'string') return wrong(mustBe('an https URL', value));
  if (value === '') return wrong('is empty');
  const url = URL.parse(value);
  if (url === null) return wrong('must be an https URL', 'write it as "https://trasa.example.com"');
  if (url.protocol === 'http:')
    return wrong('must begin with https://', 'over plain HTTP the service key and the codes could be read on the way');
  if (url.protocol !== 'https:') return wrong('must begin with https://', 'write it as "https://trasa.example.com"');
  if (url.username !== '' || url.password !== '') return wrong('must not hold a user name or password');
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || /[?#]/.test(value))
    return wrong('must end after the host name or port', 'leave out the path and all that follows it');
  return valid(url);
}

function readPin(value: TomlValue): Reading<string> {
  const form = 'must hold the base64 of a SHA-256, 32 bytes';
  if (typeof value !== 'string') return wrong(`${form}, as a string`);
  // base64 may itself begin with a slash, so both prefixes are tried and the length decides.
  for (const prefix of ['sha256//', 'sha256/', '']) {
    const bare = value.startsWith(prefix) ? value.slice(prefix.length) : '';
    const bytes = Buffer.from(bare, 'base64');
    if (bytes.length === 32 && bytes.toString('base64') === bare) return valid(bare);
  }
  return wrong(form, 'write it as "sha256//…=", 44 characters after the slashes');
}

function readProxy(value: TomlValue, expects: string): Reading<URL | undefined> {
  if (typeof value !== 'string') return wrong(mustBe(expects, value));
  if (value === '') return valid(undefined);
  const url = URL.parse(value);
  if (url?.protocol !== 'http:') return wrong(`must be ${expects}`, 'as "http://user:password@proxy.example.com:3128"');
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    return wrong('must end after the host name or port', 'leave out the path and all that follows it');
  if (!decodes(url.username) || !decodes(url.password))
    return wrong('has a user name or password that is not percent-encoded', 'write a percent sign as %25');
  return valid(url);
}

function decodes(encoded: string): boolean {
  try {
    decodeURIComponent(encoded);
    return true;
  } catch {
    return false;
  }
}
