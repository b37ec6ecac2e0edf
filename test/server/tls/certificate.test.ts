import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:tls';
import t from 'tap';
import { selfSignedCertificate } from '../../../src/server/tls/certificate.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const facts = {
  hostnames: ['trasa.example.com', 'localhost', '192.0.2.1', '2001:db8::1', '::1', '127.0.0.1'],
  notBefore: new Date(Date.now() - 86_400_000),
  notAfter: new Date('2049-12-31T23:59:59Z'),
  serial: Buffer.from('ff000000000000000000000000000001', 'hex'),
};
const pem = selfSignedCertificate(privateKey, facts);

function openssl(args: string[], input: string): string {
  const { stdout, stderr, status } = spawnSync('openssl', args, { input, encoding: 'utf8' });
  return `${stdout}${stderr}${status === 0 ? '' : ` [status ${status}]`}`;
}

t.test('OpenSSL reads it as we mean it', async t => {
  const text = openssl(['x509', '-noout', '-text', '-certopt', 'ext_parse'], pem);
  for (const expected of [
    /Version: 3 \(0x2\)/,
    /Serial Number:\s+01:ff:00/,
    /Signature Algorithm: ecdsa-with-SHA256/,
    /Issuer: CN ?= ?trasa\.example\.com/,
    /Subject: CN ?= ?trasa\.example\.com/,
    /Not After : Dec 31 23:59:59 2049 GMT/,
    /ASN1 OID: prime256v1/,
    /X509v3 Basic Constraints: critical\s+CA:FALSE/,
    /X509v3 Key Usage: critical\s+Digital Signature/,
    /X509v3 Extended Key Usage:\s+TLS Web Server Authentication/,
    /DNS:trasa\.example\.com, DNS:localhost, IP Address:192\.0\.2\.1, IP Address:2001:DB8:0:0:0:0:0:1/,
    /IP Address:0:0:0:0:0:0:0:1, IP Address:127\.0\.0\.1/,
    /X509v3 Subject Key Identifier/,
  ])
    t.match(text, expected);
});

t.test('OpenSSL verifies its signature, and reads its bytes strictly', async t => {
  const file = t.testdir({ 'cert.pem': pem });
  const cert = `${file}/cert.pem`;
  t.match(openssl(['verify', '-check_ss_sig', '-x509_strict', '-trusted', cert, cert], ''), /cert\.pem: OK/);
  const parsed = openssl(['asn1parse'], pem);
  t.notMatch(parsed, /error|status/i);
  t.ok(new X509Certificate(pem).verify(new X509Certificate(pem).publicKey));
});

t.test('a time from 2050 on is written as RFC 5280 wants it', async t => {
  const late = selfSignedCertificate(privateKey, { ...facts, notAfter: new Date('2050-01-01T00:00:00Z') });
  t.match(openssl(['x509', '-noout', '-enddate'], late), /Jan {2}1 00:00:00 2050 GMT/);
  t.match(openssl(['asn1parse'], late), /GENERALIZEDTIME\s+:20500101000000Z/);
});

t.test('a client that trusts it, and only it, connects by each of its names', async t => {
  const server = createServer({ key: privateKey.export({ type: 'pkcs8', format: 'pem' }), cert: pem }, socket =>
    socket.end(),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const attempt = async (servername: string, ca: string | undefined): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port, servername, ...(ca === undefined ? {} : { ca }) });
    socket.on('error', () => undefined);
    try {
      await once(socket, 'secureConnect');
      return 'connected';
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : 'failed';
    } finally {
      socket.destroy();
    }
  };
  t.equal(await attempt('trasa.example.com', pem), 'connected');
  t.equal(await attempt('localhost', pem), 'connected');
  t.equal(await attempt('', pem), 'connected', 'by address');
  t.equal(await attempt('other.example.com', pem), 'ERR_TLS_CERT_ALTNAME_INVALID');
  t.equal(await attempt('localhost', undefined), 'DEPTH_ZERO_SELF_SIGNED_CERT');
});
