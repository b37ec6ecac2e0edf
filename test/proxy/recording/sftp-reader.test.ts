/** What a listener makes of an sftp session, and what it does not put up with. */
import { createHash } from 'node:crypto';
import t from 'tap';
import { objectOf } from '../../../src/proxy/recording/parse.ts';
import { SftpReader } from '../../../src/proxy/recording/sftp-reader.ts';
import { byte, string, uint32, uint64 } from '../../../src/ssh/wire.ts';

const [write, create, truncate, read, append] = [2, 8, 16, 1, 4];
const handle = Buffer.from([0, 0, 0, 0]);
const noAttributes = uint32(0);

t.test('a file that is written in order has the digest of all of it', async t => {
  const { events, ask, reply } = agreed();
  ask(3, 1, string('/tmp/a'), uint32(write | create | truncate), noAttributes);
  reply(102, 1, string(handle));
  ask(6, 2, string(handle), uint64(0n), string('hello '));
  ask(6, 3, string(handle), uint64(6n), string('world'));
  for (const id of [2, 3]) reply(101, id, uint32(0), string(''), string(''));
  ask(4, 4, string(handle));
  reply(101, 4, uint32(0), string(''), string(''));
  t.strictSame(events, [
    { event: 'open', path: '/tmp/a', flags: ['write', 'create', 'truncate'], status: 'ok' },
    { event: 'close', path: '/tmp/a', written: { bytes: 11, sha256: sha256('hello world') }, status: 'ok' },
  ]);
});

t.test('however packets are cut, the same is heard', async t => {
  const whole = [
    packet(1, uint32(3)),
    packet(3, uint32(1), string('/a'), uint32(write | create | truncate), noAttributes),
    packet(6, uint32(2), string(handle), uint64(0n), string('x'.repeat(70_000))),
    packet(4, uint32(3), string(handle)),
  ];
  const replies = [packet(2, uint32(3)), packet(102, uint32(1), string(handle)), ok(2), ok(3)];
  for (const size of [1, 3, 5, 32_768, 1_000_000]) {
    const { reader, events } = listening();
    const faults = new Set<string | undefined>();
    for (const [i, one] of whole.entries()) {
      const answer = replies[i] ?? Buffer.alloc(0);
      for (let at = 0; at < one.length; at += size) faults.add(reader.fromClient(one.subarray(at, at + size)));
      for (let at = 0; at < answer.length; at += size) faults.add(reader.fromHost(answer.subarray(at, at + size)));
    }
    t.strictSame([...faults], [undefined]);
    t.match(events.at(-1), { event: 'close', written: { bytes: 70_000, sha256: sha256('x'.repeat(70_000)) } });
  }
});

t.test('a digest is claimed of nothing but a whole file', async t => {
  for (const [what, flags, work] of [
    ['a gap', write | truncate, ({ put }) => [put(0n, 'ab'), put(3n, 'c')]],
    ['from the middle', write | truncate, ({ put }) => [put(5n, 'ab')]],
    ['what was there before may go on behind it', write | create, ({ put }) => [put(0n, 'ab')]],
    ['appended, wherever the client says', write | truncate | append, ({ put }) => [put(0n, 'ab')]],
    ['twice the same place', write | truncate, ({ put }) => [put(0n, 'ab'), put(0n, 'cd')]],
    ['a write that failed', write | truncate, ({ put }) => [put(0n, 'ab', 4)]],
    ['shortened afterwards', write | truncate, ({ put, cut }) => [put(0n, 'ab'), cut(1n)]],
    ['something copied into it', write | truncate, ({ put, copy }) => [put(0n, 'ab'), copy()]],
  ] as const satisfies readonly [string, number, (works: Works) => unknown][]) {
    const session = opened(flags);
    work(worksOf(session));
    session.close();
    const closed = objectOf(session.events.findLast(one => one['event'] === 'close')?.['written']);
    t.ok('pieces' in closed && !('sha256' in closed), what);
  }
  const cutAtEnd = opened(write | create);
  const { put, cut } = worksOf(cutAtEnd);
  put(0n, 'ab');
  cut(2n);
  cutAtEnd.close();
  t.match(cutAtEnd.events.at(-1), { written: { bytes: 2, sha256: sha256('ab') } }, 'cut where it ends, it is whole');
});

t.test('pieces are listed up to a bound, and counted from there', async t => {
  const session = opened(write | truncate);
  const { put } = worksOf(session);
  for (let i = 0; i < 70; i++) put(BigInt(i * 10), 'x');
  session.close();
  const { pieces = [], morePieces } = objectOf(session.events.at(-1)?.['written']);
  t.equal(morePieces, 6);
  t.equal(Array.isArray(pieces) && pieces.length, 64);
  t.strictSame(Object.values(pieces as object)[1], { offset: 10, bytes: 1, sha256: sha256('x') });
});

t.test('a file that is read to its end, or to the size that the host said, has a digest', async t => {
  for (const [what, knows] of [
    ['its end', (session: Opened) => session.get(2n, undefined)],
    ['its size', (session: Opened) => session.size(2n)],
  ] as const) {
    const session = opened(read);
    session.get(0n, 'ab');
    knows(session);
    session.close();
    t.match(session.events.at(-1), { read: { bytes: 2, sha256: sha256('ab') } }, what);
  }
  const part = opened(read);
  part.get(0n, 'ab');
  part.close();
  t.match(part.events.at(-1), { read: { bytes: 2, pieces: [{ offset: 0, bytes: 2, sha256: sha256('ab') }] } });
});

t.test('what was done is told with what came of it', async t => {
  const { events, ask, reply } = agreed();
  const requests: [number, ...Buffer[]][] = [
    [13, string('/gone')],
    [18, string('/a'), string('/b')],
    [14, string('/d'), uint32(4), uint32(0o40755)],
    [15, string('/d')],
    [20, string('target'), string('/link')],
    [9, string('/a'), uint32(2 | 4 | 8), uint32(0), uint32(7), uint32(0o100600), uint32(1), uint32(2)],
    [200, string('posix-rename@openssh.com'), string('/a'), string('/b')],
    [200, string('hardlink@openssh.com'), string('/a'), string('/h')],
    [200, string('lsetstat@openssh.com'), string('/l'), uint32(1), uint64(0n)],
    [200, string('statvfs@openssh.com'), string('/')],
    [200, string('what@example.com'), string('anything')],
  ];
  for (const [id, [type, ...rest]] of requests.entries()) ask(type, id, ...rest);
  for (const id of requests.keys()) reply(101, id, uint32(id === 0 ? 2 : id === 1 ? 3 : 0), string(''), string(''));
  t.strictSame(events, [
    { event: 'remove', path: '/gone', status: 'no such file' },
    { event: 'rename', path: '/a', to: '/b', status: 'denied' },
    { event: 'mkdir', path: '/d', mode: '0755', status: 'ok' },
    { event: 'rmdir', path: '/d', status: 'ok' },
    { event: 'symlink', target: 'target', path: '/link', status: 'ok' },
    { event: 'setstat', path: '/a', uid: 0, gid: 7, mode: '0600', atime: 1, mtime: 2, status: 'ok' },
    { event: 'rename', path: '/a', to: '/b', replaces: true, status: 'ok' },
    { event: 'hardlink', path: '/a', to: '/h', status: 'ok' },
    { event: 'setstat', path: '/l', link: true, size: 0, status: 'ok' },
    { event: 'extended', name: 'what@example.com', bytes: 37, status: 'ok' },
  ]);
});

t.test('a name that is no text is there byte for byte', async t => {
  const { events, ask, reply } = agreed();
  ask(13, 1, string(Buffer.from('/caf\xe9', 'latin1')));
  reply(101, 1, uint32(0), string(''), string(''));
  t.match(events, [{ path: '/caf\ufffd', pathBase64: Buffer.from('/caf\xe9', 'latin1').toString('base64') }]);
});

t.test('what is unfinished at the end is told, too', async t => {
  const session = opened(write | truncate);
  worksOf(session).put(0n, 'ab');
  session.ask(13, 90, string('/x'));
  session.reader.end();
  t.match(session.events.slice(1), [
    { event: 'close', path: '/a', status: 'cut off' },
    { event: 'remove', path: '/x', status: 'cut off' },
    { event: 'sftp', unanswered: 1 },
  ]);
});

t.test('what is not understood is a fault', async t => {
  const cases: readonly [string, RegExp, (session: Opened) => string | undefined][] = [
    ['a packet without anything in it', /packet of 0 bytes/, ({ reader }) => reader.fromClient(uint32(0))],
    ['one over the bound', /packet of 262145/, ({ reader }) => reader.fromHost(uint32(256 * 1024 + 1))],
    ['bytes of another protocol', /packet of/, ({ reader }) => reader.fromClient(Buffer.from('SSH-2.0-x\r\n'))],
    ['a request of another version', /request 21/, ({ ask }) => ask(21, 9, string('/a'), string('/b'))],
    ['a second INIT', /request 1 /, ({ reader }) => reader.fromClient(packet(1, uint32(3)))],
    ['a handle that was guessed', /has not given/, ({ ask }) => ask(6, 9, string(uint32(1)), uint64(0n), string('x'))],
    [
      'a handle that was given back, and may be that of another file by now',
      /has not given/,
      ({ ask }) => ask(4, 8, string(handle)) ?? ask(6, 9, string(handle), uint64(0n), string('x')),
    ],
    [
      'a copy from what is not open',
      /has not given/,
      ({ ask }) =>
        ask(200, 9, string('copy-data'), string('seven'), uint64(0n), uint64(0n), string(handle), uint64(0n)),
    ],
    ['two requests with one number', /one number/, ({ ask }) => ask(17, 9, string('/')) ?? ask(17, 9, string('/'))],
    ['a reply to nothing', /no request/, ({ reply }) => reply(101, 99, uint32(0))],
    [
      'data for who asked for none',
      /to another request/,
      ({ ask, reply }) => ask(13, 9, string('/')) ?? reply(103, 9, string('x')),
    ],
    [
      'a handle for who opened nothing',
      /to another request/,
      ({ ask, reply }) => ask(17, 9, string('/')) ?? reply(102, 9, string('x')),
    ],
    [
      'a handle that is another file’s',
      /given twice/,
      ({ ask, reply }) => ask(3, 9, string('/b'), uint32(1), noAttributes) ?? reply(102, 9, string(handle)),
    ],
    ['a request that is cut short', /cut short/, ({ ask }) => ask(13, 9, uint32(50))],
    [
      'a reply that is cut short',
      /cut short/,
      ({ ask, reply }) => ask(5, 9, string(handle), uint64(0n), uint32(9)) ?? reply(103, 9, uint32(50)),
    ],
  ];
  for (const [what, fault, work] of cases) t.match(work(opened(write)) ?? '', fault, what);

  const fresh: readonly [string, RegExp, (reader: SftpReader) => string | undefined][] = [
    ['a request before INIT', /before the version/, reader => reader.fromClient(packet(13, uint32(1), string('/a')))],
    [
      'a request before the host has said its version',
      /before the version/,
      reader => reader.fromClient(Buffer.concat([packet(1, uint32(3)), packet(13, uint32(1), string('/a'))])),
    ],
    ['a reply before INIT', /before the version/, reader => reader.fromHost(packet(2, uint32(3)))],
    [
      'version 4',
      /sftp version 4/,
      reader => reader.fromClient(packet(1, uint32(6))) ?? reader.fromHost(packet(2, uint32(4))),
    ],
    ['version 2', /before 3/, reader => reader.fromClient(packet(1, uint32(2)))],
    ['greetings of a shell', /packet of/, reader => reader.fromHost(Buffer.from('Welcome to web1\n'))],
  ];
  for (const [what, fault, work] of fresh) t.match(work(listening().reader) ?? '', fault, what);
});

t.test('what is kept is bounded', async t => {
  const many = agreed();
  let fault: string | undefined;
  for (let id = 0; fault === undefined && id < 5000; id++) fault = many.ask(16, id, string('/'));
  t.match(fault, /too many sftp requests/);
  const long = agreed();
  fault = undefined;
  for (let id = 0; fault === undefined && id < 50; id++) fault = long.ask(13, id, string('x'.repeat(200_000)));
  t.match(fault, /too many sftp requests/);
  const open = agreed();
  fault = undefined;
  for (let id = 0; fault === undefined && id < 2000; id++)
    fault = open.ask(3, id, string('/a'), uint32(1), noAttributes) ?? open.reply(102, id, string(uint32(id)));
  t.match(fault, /too many sftp handles/);
});

interface Works {
  put(offset: bigint, text: string, status?: number): void;
  cut(size: bigint): void;
  copy(): void;
}

type Opened = ReturnType<typeof opened>;

/** With a file `/a` open. */
function opened(flags: number) {
  const session = agreed();
  const { ask, reply } = session;
  ask(3, 1, string('/a'), uint32(flags), noAttributes);
  reply(102, 1, string(handle));
  let id = 10;
  return {
    ...session,
    next: () => id++,
    close: () => {
      ask(4, 2, string(handle));
      reply(101, 2, uint32(0), string(''), string(''));
    },
    /** Undefined: its end is there. */
    get: (offset: bigint, text: string | undefined) => {
      ask(5, 3, string(handle), uint64(offset), uint32(100));
      if (text === undefined) reply(101, 3, uint32(1), string(''), string(''));
      else reply(103, 3, string(text));
    },
    size: (size: bigint) => {
      ask(8, 4, string(handle));
      reply(105, 4, uint32(1), uint64(size));
    },
  };
}

function worksOf({ ask, reply, next }: Opened): Works {
  return {
    put: (offset, text, status = 0) => {
      const id = next();
      ask(6, id, string(handle), uint64(offset), string(text));
      reply(101, id, uint32(status), string(''), string(''));
    },
    cut: size => {
      const id = next();
      ask(10, id, string(handle), uint32(1), uint64(size));
      reply(101, id, uint32(0), string(''), string(''));
    },
    copy: () => {
      const id = next();
      ask(200, id, string('copy-data'), string(handle), uint64(0n), uint64(1n), string(handle), uint64(1n));
      reply(101, id, uint32(0), string(''), string(''));
    },
  };
}

function agreed() {
  const { reader, events } = listening();
  const fault =
    reader.fromClient(packet(1, uint32(3))) ?? reader.fromHost(packet(2, uint32(3), string('x'), string('1')));
  if (fault !== undefined) throw new Error(fault);
  return {
    reader,
    events,
    ask: (type: number, id: number, ...rest: Buffer[]) => reader.fromClient(packet(type, uint32(id), ...rest)),
    reply: (type: number, id: number, ...rest: Buffer[]) => reader.fromHost(packet(type, uint32(id), ...rest)),
  };
}

function listening() {
  const events: Record<string, unknown>[] = [];
  const reader = new SftpReader((event, facts) => events.push({ event, ...facts }));
  return { reader, events };
}

function packet(type: number, ...rest: Buffer[]): Buffer {
  return string(Buffer.concat([byte(type), ...rest]));
}

function ok(id: number): Buffer {
  return packet(101, uint32(id), uint32(0), string(''), string(''));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
