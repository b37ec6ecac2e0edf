import type { Secret } from '../otp/secret.ts';
import { say } from './server-common.ts';

/** Shows a new TOTP credential: a QR code, and what is in it for those who cannot scan. */
export async function showTotp(): Promise<(secret: Secret, uri: Secret) => void> {
  const qr = await import('qrcode-terminal');
  return (secret, uri) =>
    qr.default.generate(uri.expose(), { small: true }, code => {
      say(code);
      say(`Secret: ${secret.expose()}`);
      say(`URI:    ${uri.expose()}`);
    });
}
