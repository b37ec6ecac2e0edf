/**
 * What may pass, either way. One table and one function for every kind of thing: what is not named here is refused.
 */
import { mayRun, mayStart, movesFiles } from '../../policy/commands.ts';
import type { Forwarding, Grant } from '../../policy/grant.ts';
import { cleanText } from '../../protocol/clean.ts';
import { Agreed } from './agreed.ts';
import { leadsWhereGranted, listensWhereGranted, type Place, placeText } from './places.ts';

/** Something that one side asks of the other. */
export interface Ask {
  readonly kind: 'global' | 'open' | 'request';
  readonly from: Side;
  readonly type: string;
  /** Of an environment variable or a subsystem; a command. */
  readonly name?: string;
  /** Of a forwarding. */
  readonly place?: Place;
  /** X11 for one connection only. */
  readonly isOnce?: boolean;
  /** The type of the channel that a request is about: `session` unless it is said. */
  readonly on?: string;
}

export type Side = 'client' | 'host';

/** `drop`: neither passed on nor refused, since it asks for nothing and does not concern the other side. */
export type Verdict = 'pass' | 'drop' | Refusal;

export interface Refusal {
  /** Why: for the person, where the protocol has room for it, and for the log. */
  readonly refused: string;
  /** It is said as a program would that cannot run, since clients show nothing of a request that failed. */
  readonly isTold?: boolean;
}

/** @param agreed what the host has agreed to, and so may open channels for: nothing unless it is said */
export function verdictOn(ask: Ask, grant: Grant, agreed: Agreed = new Agreed()): Verdict {
  if (ask.kind === 'request' && (ask.on ?? 'session') !== 'session' && !onAnyChannel.has(ask.type))
    return { refused: 'this is for sessions' };
  const found = table[ask.from][ask.kind].get(ask.type);
  if (found === undefined)
    return { refused: `the proxy does not permit this kind of ${ask.kind === 'open' ? 'channel' : 'request'}` };
  return typeof found === 'string' ? found : found(ask, grant, agreed);
}

export function other(side: Side): Side {
  return side === 'client' ? 'host' : 'client';
}

/** What the certificate for the host has to permit, so that what is granted is possible there, and nothing else. */
export function permissionsFor({ record, forwarding }: Grant): string[] {
  const { local, remote, streamlocal, agent, x11 } = forwarding;
  if (record) return [];
  return [
    ...(local.length > 0 || remote.length > 0 || streamlocal ? ['permit-port-forwarding'] : []),
    ...(agent ? ['permit-agent-forwarding'] : []),
    ...(x11 ? ['permit-X11-forwarding'] : []),
  ];
}

type Judge = (ask: Ask, grant: Grant, agreed: Agreed) => Verdict;
type Row = 'pass' | 'drop' | Judge;
type Rows = ReadonlyMap<string, Row>;

const onAnyChannel = new Set(['eow@openssh.com', 'keepalive@openssh.com']);

const nowhere: Place = { host: '', port: 0 };
const recorded: Refusal = { refused: 'what passes here is recorded, and this cannot be' };
const noFiles = told('The policy of this service does not permit file transfer.');
const unasked: Refusal = { refused: 'the client has not asked for it' };

const table: Readonly<Record<Side, Readonly<Record<Ask['kind'], Rows>>>> = {
  client: {
    global: rows({
      'keepalive@openssh.com': 'pass',
      'no-more-sessions@openssh.com': 'pass',
      'tcpip-forward': listening(({ remote }, place) => 'host' in place && listensWhereGranted(remote, place)),
      'cancel-tcpip-forward': ofListening('nothing listens there for you'),
      'streamlocal-forward@openssh.com': listening(({ streamlocal }) => streamlocal),
      'cancel-streamlocal-forward@openssh.com': ofListening('nothing listens there for you'),
    }),
    open: rows({
      session: 'pass',
      'direct-tcpip': granted(
        ({ local }, place) => 'host' in place && leadsWhereGranted(local, place),
        'a connection to',
      ),
      'direct-streamlocal@openssh.com': granted(({ streamlocal }) => streamlocal, 'a connection to'),
    }),
    request: rows({
      'pty-req': 'pass',
      env: ({ name = '' }) =>
        /^(?:LANG|LC_[A-Z]+|TZ|COLORTERM|NO_COLOR|GIT_PROTOCOL)$/.test(name)
          ? 'pass'
          : { refused: 'this variable may not be set' },
      shell: (_, { shell }) => (shell ? 'pass' : told('The policy of this service gives no shell. Name a command.')),
      exec: ({ name = '' }, grant) => {
        if (mayRun(name, grant)) return 'pass';
        return movesFiles(name) && !grant.fileTransfer
          ? noFiles
          : told('The policy of this service does not permit this command.');
      },
      subsystem: ({ name = '' }, grant) => {
        if (name !== 'sftp') return { refused: 'the proxy does not permit this subsystem' };
        return mayStart(name, grant) ? 'pass' : noFiles;
      },
      'window-change': 'pass',
      signal: 'pass',
      break: 'pass',
      'eow@openssh.com': 'pass',
      'keepalive@openssh.com': 'pass',
      'auth-agent-req@openssh.com': granted(({ agent }) => agent, 'the forwarding of an agent'),
      'x11-req': granted(({ x11 }) => x11, 'the forwarding of X11'),
    }),
  },
  host: {
    global: rows({
      'keepalive@openssh.com': 'pass',
      'hostkeys-00@openssh.com': 'drop', // the keys of another host than the client is connected to
    }),
    // Only what the client has asked for, which was granted then. Whatever a host opens unasked, a client may warn of.
    open: rows({
      'forwarded-tcpip': ofListening(unasked.refused),
      'forwarded-streamlocal@openssh.com': ofListening(unasked.refused),
      'auth-agent@openssh.com': (_, _grant, { agent }) => (agent ? 'pass' : unasked),
      x11: (_, _grant, { x11 }) => (x11 ? 'pass' : unasked),
    }),
    request: rows({
      'exit-status': 'pass',
      'exit-signal': 'pass',
      'xon-xoff': 'pass',
      'eow@openssh.com': 'pass',
      'keepalive@openssh.com': 'pass',
    }),
  },
};

function told(refused: string): Refusal {
  return { refused, isTold: true };
}

/** What is forwarded is seen by no recording: where one is demanded, it does not pass. */
function granted(isGranted: (forwarding: Forwarding, place: Place) => boolean, what: string): Judge {
  return ({ place }, { record, forwarding }) => {
    if (record) return recorded;
    if (isGranted(forwarding, place ?? nowhere)) return 'pass';
    const where = place === undefined ? '' : ` ${cleanText(placeText(place), 200)}`;
    return { refused: `policy does not grant ${what}${where}` };
  };
}

function listening(isGranted: (forwarding: Forwarding, place: Place) => boolean): Judge {
  const judge = granted(isGranted, 'listening at');
  return (ask, grant, agreed) =>
    agreed.hasRoom ? judge(ask, grant, agreed) : { refused: 'too many places to listen at' };
}

/** The end of a listening, or a connection to where somebody listens. */
function ofListening(why: string): Judge {
  return ({ place = nowhere }, _grant, agreed) => (agreed.listensAt(place) ? 'pass' : { refused: why });
}

/** A Map: `constructor` is a name like any other. */
function rows(of: Readonly<Record<string, Row>>): Rows {
  return new Map(Object.entries(of));
}
