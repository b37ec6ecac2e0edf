/** The files that the configuration names. Their faults are reported at the option that names them. */
import { X509Certificate } from 'node:crypto';
import { readSafely } from '../host/safe-open.ts';
import { Secret } from '../otp/secret.ts';
import { notAWord } from './checks.ts';
import type { Problem, ProxyService } from './config.ts';
import { problemAt } from './problem.ts';
import type { ReadOptions } from './read-options.ts';

const maxKeyBytes = 4096;
const maxBundleBytes = 4 * 1024 * 1024;

/** The key, from the option or from its file; undefined if there is none that can be used, which was then reported. */
export function readServiceKey(file: string, options: ReadOptions, problems: Problem[]): Secret | undefined {
  const { serviceKey, serviceKeyFile } = options.values.top;
  if (serviceKey !== '') return new Secret(serviceKey);
  if (serviceKeyFile === '') return undefined;
  const read = readSafely(serviceKeyFile, { maxBytes: maxKeyBytes, secret: true });
  if (read.kind === 'refused') {
    problems.push(about(file, options, 'serviceKeyFile', `${serviceKeyFile} ${read.problem.text}`, read.problem.hint));
    return undefined;
  }
  const key = read.text.replace(/\r?\n$/, '');
  const fault = notAWord(key);
  if (fault === undefined) return new Secret(key);
  problems.push(
    about(file, options, 'serviceKeyFile', `${serviceKeyFile} must hold the key and nothing else: ${fault}`),
  );
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
  const services = new Map<string, ProxyService>();
  for (const [name, { serviceID, serviceKey: text, serviceKeyFile, ...rest }] of proxy.services) {
    const isOfTop = serviceID === '';
    const own = text === '' ? readKeyFile(serviceKeyFile) : new Secret(text);
    if (!isOfTop && typeof own === 'string')
      problems.push(problemAt(file, options.lineOf(['proxy', 'services', name]), `${name}: ${own}`));
    const serviceKey = isOfTop ? topKey : own;
    if (serviceKey instanceof Secret)
      services.set(name, { ...rest, name, serviceID: isOfTop ? top.serviceID : serviceID, serviceKey });
  }
  return services;
}

/** The key that a file holds and nothing else; or what is wrong with the file. */
function readKeyFile(path: string): Secret | string {
  const read = readSafely(path, { maxBytes: maxKeyBytes, secret: true });
  if (read.kind === 'refused') return `serviceKeyFile ${path} ${read.problem.text}`;
  const key = read.text.replace(/\r?\n$/, '');
  const fault = notAWord(key);
  return fault === undefined ? new Secret(key) : `serviceKeyFile ${path} must hold the key and nothing else: ${fault}`;
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
