/**
 * What may pass, either way. One table and one function for every kind of thing: what is not named here is refused.
 */
import type { Grant } from '../../policy/grant.ts';

/** Something that one side asks of the other. */
export type Ask =
  | { readonly kind: 'global'; readonly from: Side; readonly type: string }
  | { readonly kind: 'open'; readonly from: Side; readonly type: string }
  | { readonly kind: 'request'; readonly from: Side; readonly type: string; readonly name?: string };

export type Side = 'client' | 'host';

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
      shell: 'pass',
      exec: 'pass',
      subsystem: (name, { fileTransfer }) => (name === 'sftp' && fileTransfer ? 'pass' : 'refuse'),
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
