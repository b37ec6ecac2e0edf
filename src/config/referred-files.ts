/** The files that the configuration names. Their faults are reported at the option that names them. */
import { X509Certificate } from 'node:crypto';
import { readSafely } from '../host/safe-open.ts';
import { Secret } from '../otp/secret.ts';
import { parsePublicKeyLine } from '../ssh/key-line.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { notAWord } from './checks.ts';
import type { Problem, ProxyService } from './config.ts';
import type { Section } from './options.ts';
import { problemAt } from './problem.ts';
import type { ReadOptions } from './read-options.ts';

const maxKeyBytes = 4096;
const maxBundleBytes = 4 * 1024 * 1024;

/** The key, from the option or from its file; undefined if there is none that can be used, which was then reported. */
export function readServiceKey(file: string, options: ReadOptions, problems: Problem[]): Secret | undefined {
  const { serviceKey, serviceKeyFile } = options.values.top;
  if (serviceKey !== '') return new Secret(serviceKey);
  if (serviceKeyFile === '') return undefined;
  const key = readKeyFile(serviceKeyFile);
  if (key.kind === 'read') return key.secret;
  problems.push(about(file, options, 'serviceKeyFile', key.text, key.hint));
  return undefined;
}

/** The proxy's services, each with its key: its own, from its file, or that at the top. */
export function readProxyServices(
  file: string,
  options: ReadOptions,
  topKey: Secret | undefined,
  problems: Problem[],
): ReadonlyMap<string, ProxyService> {
  const { top, proxy } = options.values;
  const direct = new Map<string, ProxyService>();
  for (const [
    name,
    { serviceID, serviceKey: text, serviceKeyFile, via: _, viaAccount: __, ...rest },
  ] of proxy.services) {
    const service = { ...rest, name, via: undefined };
    if (serviceID === '') {
      if (topKey !== undefined) direct.set(name, { ...service, serviceID: top.serviceID, serviceKey: topKey });
      continue;
    }
    const key: KeyFile = text === '' ? readKeyFile(serviceKeyFile) : { kind: 'read', secret: new Secret(text) };
    if (key.kind === 'read') direct.set(name, { ...service, serviceID, serviceKey: key.secret });
    else
      problems.push(
        problemAt(
          file,
          options.lineOf(['proxy', 'services', name, 'serviceKeyFile']),
          `${name}: serviceKeyFile ${key.text}`,
          key.hint,
        ),
      );
  }
  const withWay = (service: ProxyService): ProxyService => {
    const { via = '', viaAccount: account = '' } = proxy.services.get(service.name) ?? {};
    const next = direct.get(via);
    return next === undefined ? service : { ...service, via: { service: withWay(next), account } };
  };
  return new Map([...direct].map(([name, service]) => [name, withWay(service)]));
}

type KeyFile =
  | { readonly kind: 'read'; readonly secret: Secret }
  | { readonly kind: 'wrong'; readonly text: string; readonly hint?: string };

/** The key that a file holds and nothing else. */
function readKeyFile(path: string): KeyFile {
  const read = readSafely(path, { maxBytes: maxKeyBytes, secret: true });
  if (read.kind === 'refused') {
    const { text, hint } = read.problem;
    return { kind: 'wrong', text: `${path} ${text}`, ...(hint !== undefined && { hint }) };
  }
  const key = read.text.replace(/\r?\n$/, '');
  const fault = notAWord(key);
  if (fault === undefined) return { kind: 'read', secret: new Secret(key) };
  return { kind: 'wrong', text: `${path} must hold the key and nothing else: ${fault}` };
}

/** PEM of the authorities, or undefined: the system's. */
export function readAuthorities(file: string, options: ReadOptions, problems: Problem[]): string | undefined {
  const { caFile } = options.values.top;
  if (caFile === '') return undefined;
  const read = readSafely(caFile, { maxBytes: maxBundleBytes });
  if (read.kind === 'refused') {
    problems.push(about(file, options, 'caFile', `${caFile} ${read.problem.text}`, read.problem.hint));
    return undefined;
  }
  const certificates = read.text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0)
    problems.push(
      about(file, options, 'caFile', `${caFile} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)`),
    );
  for (const [index, certificate] of certificates.entries())
    if (!isCertificate(certificate))
      problems.push(about(file, options, 'caFile', `certificate ${index + 1} in ${caFile} cannot be decoded`));
  return read.text;
}

/** The option that names a file of public keys of CAs, a line each. */
export interface CaFileOption {
  readonly section: Section;
  readonly name: string;
  /** Empty: there is none. */
  readonly path: string;
  /** What should be in it. */
  readonly hint: string;
}

/** The User CAs of access proxies. */
export function trustProxyCA(path: string): CaFileOption {
  return { section: 'policy', name: 'trustProxyCA', path, hint: 'put there what trasa-agent ca export user prints' };
}

/** Whose certificates say who people are. */
export function systemCA(path: string): CaFileOption {
  return { section: 'proxy', name: 'systemCA', path, hint: 'the server has it for download' };
}

export function readCaKeys(
  file: string,
  options: ReadOptions,
  { section, name, path, hint: whatBelongs }: CaFileOption,
  problems: Problem[],
): readonly PublicKey[] {
  if (path === '') return [];
  const report = (text: string, hint?: string): void => {
    problems.push(problemAt(file, options.lineOf([section, name]), `${name} ${path} ${text}`, hint));
  };
  const read = readSafely(path, { maxBytes: maxBundleBytes });
  if (read.kind === 'refused') {
    report(read.problem.text, read.problem.hint);
    return [];
  }
  const lines = read.text.split(/\r?\n/).filter(line => /^\s*[^#\s]/.test(line));
  if (lines.length === 0) report('holds no public key', whatBelongs);
  return lines.flatMap(text => {
    const line = parsePublicKeyLine(text);
    if (line.kind === 'parsed') return [line.value.key];
    report(`has a line that ${line.text}`);
    return [];
  });
}

function about(file: string, options: ReadOptions, option: string, text: string, hint?: string): Problem {
  return problemAt(file, options.lineOf([option]), `${option} ${text}`, hint);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
