import { hostname } from 'node:os';
import type { Argv } from 'yargs';
import type { Operator } from '../offline/enrol.ts';
import { askOn } from '../server/admin/terminal.ts';
import { accountOption, offlineStatuses, openPlaceFor, preparingOptions } from './offline-common.ts';
import { fail, say } from './server-common.ts';
import { showTotp } from './show-totp.ts';

export function enrolCommand(yargs: Argv): Argv {
  return yargs.command(
    'enrol <account>',
    'make a time-based credential for an authenticator app, in the place of an earlier one',
    command =>
      command
        .positional('account', accountOption)
        .options({
          ...preparingOptions,
          confirm: { type: 'boolean', default: true, describe: 'ask for a code first; --no-confirm enrols unseen' },
          json: { type: 'boolean', default: false, describe: 'a line of JSON instead of the QR code, for scripts' },
        })
        .epilogue(offlineStatuses)
        .example('$0 offline enrol alice', 'shows a QR code, and wants one code of it'),
    async args => await enrol(args),
  );
}

async function enrol(
  args: Parameters<typeof openPlaceFor>[0] & { readonly confirm: boolean; readonly json: boolean },
): Promise<void> {
  const place = await openPlaceFor(args);
  if (place === undefined) return;
  const { enrolOffline } = await import('../offline/enrol.ts');
  const { account, codeDigits: digits, directory } = place;
  const offer: Operator['offer'] = args.json
    ? (secret, uri) => say(JSON.stringify({ account, secret: secret.expose(), uri: uri.expose() }))
    : await showTotp();
  const asker = askOn(process.stdin, process.stderr);
  const askCode: Operator['askCode'] = async isRetry =>
    await asker.ask(isRetry ? 'That is not the code of now. Another: ' : 'Code that the authenticator shows: ');
  try {
    const request = { account, digits, days: args.days, hostname: hostname(), confirm: args.confirm };
    const enrolled = await enrolOffline(directory, request, { offer, askCode }, Date.now);
    if (typeof enrolled === 'string') fail(enrolled);
    else process.stderr.write(`enrolled ${account} until ${new Date(enrolled).toISOString()}\n`);
  } finally {
    asker.close();
  }
}
