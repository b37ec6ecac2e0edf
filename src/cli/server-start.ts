import { hostname } from 'node:os';
import type { Argv } from 'yargs';
import { exitStatus } from '../policy/refusals.ts';
import { fail, say, serverStatuses, stateOptions } from './server-common.ts';

export function startCommand(yargs: Argv): Argv {
  return yargs.command(
    'start',
    'serve until SIGTERM or SIGINT; logs JSON lines on stdout',
    command =>
      command
        .epilogue(serverStatuses)
        .options({
          ...stateOptions,
          listen: {
            type: 'string',
            requiresArg: true,
            default: '127.0.0.1:8443',
            describe: 'address:port; port 0: any',
          },
          'tls-cert': { type: 'string', requiresArg: true, implies: 'tls-key', describe: 'certificate and chain, PEM' },
          'tls-key': { type: 'string', requiresArg: true, implies: 'tls-cert', describe: 'its private key, PEM' },
          'ca-pin-file': {
            type: 'string',
            requiresArg: true,
            describe: 'file whose first line is the PIN of the token that has a key of the CAs (ca init --pkcs11)',
          },
          'ca-agent': {
            type: 'string',
            requiresArg: true,
            describe: 'socket of the ssh-agent that has a key of the CAs (ca init --agent-key)',
          },
          hostname: {
            type: 'string',
            array: true,
            requiresArg: true,
            default: [] as string[],
            describe: 'names and addresses for the certificate that the server makes itself',
          },
        })
        .example('$0 server start --listen 0.0.0.0:8443 --hostname trasa.example.com', 'makes its own certificate')
        .epilogue('Its first line has "event":"listening", the address, and the pin of its key for the agents.'),
    async args => await start(args),
  );
}

interface StartArguments {
  readonly state: string;
  readonly masterKey?: string | undefined;
  readonly listen: string;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly caPinFile?: string | undefined;
  readonly caAgent?: string | undefined;
  readonly hostname: readonly string[];
}

async function start(args: StartArguments): Promise<void> {
  const { state, masterKey, listen, tlsCert, tlsKey, hostname: more } = args;
  const { parseListen } = await import('../server/listen-address.ts');
  const at = parseListen(listen);
  if (at === undefined) {
    fail(`--listen ${listen}: say address:port, as 127.0.0.1:8443 or [::1]:8443`, exitStatus.usage);
    return;
  }
  const { runServer } = await import('../server/run-server.ts');
  const stop = new AbortController();
  const leave = new AbortController();
  const onSignal = () => stop.abort();
  const onNewVersion = () => leave.abort(); // from the package; systemd starts it again
  process.once('SIGTERM', onSignal).once('SIGINT', onSignal).on('SIGUSR2', onNewVersion);
  try {
    const given = tlsCert === undefined || tlsKey === undefined ? undefined : { certFile: tlsCert, keyFile: tlsKey };
    const names = { own: hostname(), more };
    const keepers = { pinFile: args.caPinFile, agent: args.caAgent };
    const problem = await runServer({ ...at, directory: state, masterKey, given, keepers, names }, say, {
      stop: stop.signal,
      leave: leave.signal,
    });
    if (problem !== undefined) fail(problem.text, exitStatus[problem.cause]);
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal).off('SIGUSR2', onNewVersion);
  }
}
