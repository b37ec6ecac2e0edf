/**
 * A service's host name as its certificate has it, in lower case; undefined if there is none. Without a port, which the
 * original leaves in, so that no client finds its host in the certificate.
 */
export function bareHostname(hostname: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(hostname) ?? [];
  const name = (bracketed ?? plain ?? hostname).toLowerCase();
  return name === '' ? undefined : name;
}
