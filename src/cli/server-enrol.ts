import { closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Argv } from 'yargs';
import { exitStatus } from '../policy/refusals.ts';
import type { Operator, TotpRequest } from '../server/admin/enrol-totp.ts';
import { askOn } from '../server/admin/terminal.ts';
import { fail, personOption, say, serverStatuses, stateOptions, withState } from './server-common.ts';
import { showTotp } from './show-totp.ts';

export function enrolCommands(yargs: Argv): Argv {
  return yargs
    .command(
      'totp <person>',
      'show a QR code for an authenticator app, and confirm one code of it',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('person', personOption)
          .options({
            ...stateOptions,
            issuer: {
              type: 'string',
              requiresArg: true,
              default: 'TRASA',
              describe: 'what the app shows above the code',
            },
            algorithm: {
              choices: ['sha1', 'sha256', 'sha512'] as const,
              default: 'sha1' as const,
              describe: 'many apps know sha1 only',
            },
            digits: { choices: [6, 7, 8] as const, default: 6 as const, describe: 'agents expect 6 unless told' },
            period: { choices: [30, 60] as const, default: 30 as const, describe: 'seconds that a code lasts' },
            confirm: { type: 'boolean', default: true, describe: 'ask for a code first; --no-confirm enrols unseen' },
            json: { type: 'boolean', default: false, describe: 'lines of JSON instead of the QR code, for scripts' },
          })
          .example('$0 server enrol totp alice@example.com', 'reads the code from the terminal or a line of stdin')
          .example('$0 server enrol totp alice --json --no-confirm', 'prints person, secret and uri'),
      async args =>
        await enrolByCode(args, { ...args, periodSeconds: args.period }, args.json ? offerJson : await qrOffer()),
    )
    .command(
      'push <person>',
      'make a push device: a key pair, of which the device file holds the private half',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('person', personOption)
          .options({
            ...stateOptions,
            'device-file': { type: 'string', requiresArg: true, demandOption: true, describe: 'is made, mode 0600' },
            server: {
              type: 'string',
              requiresArg: true,
              demandOption: true,
              describe: 'https://host:port for the device',
            },
            name: { type: 'string', requiresArg: true, default: 'approve', describe: 'to tell it from others' },
            pin: {
              type: 'string',
              requiresArg: true,
              describe: "pin of the server's key [default: that of the state directory's key, if there is one]",
            },
          })
          .example('$0 server enrol push alice --device-file alice.device --server https://trasa.example.com:8443', '')
          .example('$0 server approve --device alice.device', "is then alice's device"),
      async args => await enrolByPush(args),
    )
    .demandCommand(1, 'say totp or push');
}

async function enrolByCode(
  where: Parameters<typeof withState>[0],
  request: TotpRequest,
  offer: Operator['offer'],
): Promise<void> {
  const { enrolTotp } = await import('../server/admin/enrol-totp.ts');
  const asker = askOn(process.stdin, process.stderr);
  const askCode: Operator['askCode'] = async isRetry =>
    await asker.ask(isRetry ? 'That is not the code of now. Another: ' : 'Code that the authenticator shows: ');
  try {
    await withState(where, async state => {
      const enrolled = await enrolTotp(state, request, { offer, askCode }, Date.now);
      if (enrolled.kind === 'done') process.stderr.write(`enrolled ${request.person} (${enrolled.value})\n`);
      return enrolled;
    });
  } finally {
    asker.close();
  }
}

const offerJson: Operator['offer'] = ({ person, secret, uri }) =>
  say(JSON.stringify({ person, secret: secret.expose(), uri: uri.expose() }));

async function qrOffer(): Promise<Operator['offer']> {
  const show = await showTotp();
  return ({ secret, uri }) => show(secret, uri);
}

interface PushArguments {
  readonly state: string;
  readonly masterKey?: string | undefined;
  readonly person: string;
  readonly deviceFile: string;
  readonly server: string;
  readonly name: string;
  readonly pin?: string | undefined;
}

async function enrolByPush(args: PushArguments): Promise<void> {
  let fd: number;
  try {
    fd = openSync(args.deviceFile, 'wx', 0o600); // before the state is opened, which may give up root's rights
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error), exitStatus.config);
    return;
  }
  let isWritten = false;
  try {
    await withState(args, async state => {
      const { enrolPush } = await import('../server/admin/enrol-push.ts');
      const { ownPin } = await import('../server/tls/server-identity.ts');
      const enrolled = enrolPush(state, { ...args, pin: args.pin ?? ownPin(state.directory) }, Date.now());
      if (enrolled.kind === 'failed') return enrolled;
      writeFileSync(fd, enrolled.value.file.expose());
      isWritten = true;
      say(`enrolled ${enrolled.value.device.name} (${enrolled.value.device.id}); its key is in ${args.deviceFile}`);
      return enrolled;
    });
  } finally {
    closeSync(fd);
    if (!isWritten) unlinkSync(args.deviceFile);
  }
}
