/**
 * Takes out of the environment what would change whom we trust: Node's own switches (NODE_TLS_REJECT_UNAUTHORIZED,
 * NODE_EXTRA_CA_CERTS, …), OpenSSL's places for certificates, and proxies. Only the configuration says such things.
 * What Node reads before its first script is dead already: tools/build.ts sees to that.
 */
export function forgetEnvironment(environment: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(environment))
    if (/^(NODE_.*|OPENSSL_.*|SSL_CERT_(FILE|DIR)|(HTTPS?|ALL|NO)_PROXY)$/i.test(name)) delete environment[name];
}
