/**
 * What may pass, either way. One table and one function for every kind of thing: what is not named here is refused.
 */
import { mayRun, mayStart, movesFiles } from '../../policy/commands.ts';
import type { Grant } from '../../policy/grant.ts';

/** Something that one side asks of the other. */
export type Ask =
  | { readonly kind: 'global'; readonly from: Side; readonly type: string }
  | { readonly kind: 'open'; readonly from: Side; readonly type: string }
  | { readonly kind: 'request'; readonly from: Side; readonly type: string; readonly name?: string };

export type Side = 'client' | 'host';

/** What a person hears who may not run what they asked for. Undefined: they hear what their client says of a failure. */
export function refusalText(ask: Ask, grant: Grant): string | undefined {
  if (ask.kind !== 'request') return undefined;
  switch (ask.type) {
    case 'shell':
      return 'The policy of this service gives no shell. Name a command.';
    case 'exec':
      return movesFiles(ask.name ?? '') && !grant.fileTransfer
        ? noFiles
        : 'The policy of this service does not permit this command.';
    case 'subsystem':
      return ask.name === 'sftp' && !grant.fileTransfer ? noFiles : undefined;
    default:
      return undefined;
  }
}

const noFiles = 'The policy of this service does not permit file transfer.';

/** `drop`: neither passed on nor refused, since it asks for nothing and does not concern the other side. */
export type Verdict = 'pass' | 'refuse' | 'drop';

export function verdictOn(ask: Ask, grant: Grant): Verdict {
  const found = table[ask.from][ask.kind].get(ask.type);
  if (found === undefined) return 'refuse';
  return typeof found === 'string' ? found : found(ask.kind === 'request' ? (ask.name ?? '') : '', grant);
}

type Row = Verdict | ((name: string, grant: Grant) => Verdict);
type Rows = ReadonlyMap<string, Row>;

const table: Readonly<Record<Side, Readonly<Record<Ask['kind'], Rows>>>> = {
  client: {
    global: rows({
      'keepalive@openssh.com': 'pass',
      'no-more-sessions@openssh.com': 'pass',
    }),
    // No forwarding of any kind, no agent, no X11: the certificate does not permit them either.
    open: rows({ session: 'pass' }),
    request: rows({
      'pty-req': 'pass',
      env: name => (/^(?:LANG|LC_[A-Z]+|TZ|COLORTERM|NO_COLOR|GIT_PROTOCOL)$/.test(name) ? 'pass' : 'refuse'),
      shell: (_, { shell }) => (shell ? 'pass' : 'refuse'),
      exec: (command, grant) => (mayRun(command, grant) ? 'pass' : 'refuse'),
      subsystem: (name, grant) => (mayStart(name, grant) && !grant.record ? 'pass' : 'refuse'),
      'window-change': 'pass',
      signal: 'pass',
      break: 'pass',
      'eow@openssh.com': 'pass',
      'keepalive@openssh.com': 'pass',
    }),
  },
  host: {
    global: rows({
      'keepalive@openssh.com': 'pass',
      'hostkeys-00@openssh.com': 'drop', // the keys of another host than the client is connected to
    }),
    open: rows({}),
    request: rows({
      'exit-status': 'pass',
      'exit-signal': 'pass',
      'xon-xoff': 'pass',
      'eow@openssh.com': 'pass',
      'keepalive@openssh.com': 'pass',
    }),
  },
};

/** A Map: `constructor` is a name like any other. */
function rows(of: Readonly<Record<string, Row>>): Rows {
  return new Map(Object.entries(of));
}
