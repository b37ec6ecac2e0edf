/** What `trasa-agent setup` takes. */
import type { ArgumentsCamelCase, Argv, InferredOptionTypes } from 'yargs';
import { doors, firstFactors } from '../setup/wishes.ts';
import { exitStatuses } from './exit-statuses.ts';

const word = { type: 'string', requiresArg: true } as const;
const words = { type: 'string', array: true, requiresArg: true } as const;

export const options = {
  door: { choices: doors, describe: 'how sshd asks; see trasa-agent(8)' },
  'first-factor': {
    choices: firstFactors,
    describe: 'of the PAM doors: what comes before the second factor; see trasa-agent-setup(8)',
  },
  server: { ...words, describe: 'https URL of the TRASA server; several are tried in order' },
  'service-id': { ...word, describe: 'the serviceID of this host' },
  'service-key-file': { ...word, describe: 'a file with the serviceKey and nothing else; -: a line of standard input' },
  'ca-file': { ...word, describe: "PEM certificates to trust for the server, instead of the system's" },
  pin: { ...words, describe: "sha256//… of the server's key" },
  user: { ...words, describe: 'ask this user; without any user or group, everybody' },
  group: { ...words, describe: 'ask the members of this group' },
  domain: { ...word, describe: 'makes the TRASA ID account@domain' },
  person: { ...words, describe: 'ACCOUNT=TRASA-ID' },
  observe: { type: 'boolean', default: false, describe: 'ask nobody yet, and log what would happen' },
  'revert-after': { type: 'number', requiresArg: true, default: 10, describe: 'minutes to confirm it (1 to 60)' },
  yes: { type: 'boolean', default: false, describe: 'ask no questions' },
  'dry-run': { type: 'boolean', default: false, describe: 'say what would be done, and stop there' },
  confirm: { type: 'boolean', describe: 'keep what was set up; from a new login' },
  revert: { type: 'boolean', describe: 'undo what was not confirmed' },
  status: { type: 'boolean', describe: 'say what waits for a confirmation' },
  remove: { type: 'boolean', describe: 'take the lines out of sshd and PAM' },
  'revert-after-seconds': { type: 'number', requiresArg: true, hidden: true },
  journal: { ...word, hidden: true }, // for the timer: undo this one only
} as const;

export type SetupArguments = ArgumentsCamelCase<InferredOptionTypes<typeof options>>;

export function setupOptions(command: Argv) {
  return command
    .options(options)
    .conflicts({ confirm: ['revert', 'status', 'remove'], revert: ['status', 'remove'], status: 'remove' })
    .example('$0 setup', 'asks what it needs to know')
    .example('$0 setup --confirm', 'from a new login: it stays')
    .epilogue(exitStatuses('done', ['failed', 'tryLater', 'noPermission', 'config', 'interrupted']));
}
