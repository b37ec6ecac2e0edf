/** What a listener makes of scp's legacy protocol. */
import { createHash } from 'node:crypto';
import t from 'tap';
import { ScpReader, scpSender } from '../../../src/proxy/recording/scp-reader.ts';

t.test('which commands are scp, and who sends', async t => {
  for (const command of ['scp -t .', 'scp -r -p -t -- dir', '/usr/bin/scp -v -d -t x', 'scp -rt x', ' scp -t x'])
    t.equal(scpSender(command), 'client', command);
  for (const command of ['scp -f a', "scp -p -f -- 'a b'", 'scp -f a; true'])
    t.equal(scpSender(command), 'host', command);
  for (const command of [
    'scp a b',
    'scp -- -t',
    'scp -t -f x',
    'myscp -t x',
    'bin/scp -t x',
    'echo scp -t',
    'scp',
    '',
    'scp --server -t',
  ])
    t.equal(scpSender(command), undefined, command);
});

t.test('files in directories, and an empty one', async t => {
  for (const size of [1, 7, 10_000]) {
    const { reader, events } = listening('client');
    const sent = 'T1 0 2 0\nD0755 0 tree\nC0644 5 a b\nhello\0C0600 0 empty\n\0E\nC0640 1 c\nx\0';
    t.equal(
      feed(data => reader.fromClient(data), sent, size),
      undefined,
    );
    t.equal(
      feed(data => reader.fromHost(data), '\0'.repeat(9), size),
      undefined,
    );
    t.strictSame(events, [
      { event: 'directory', path: 'tree', mode: '0755' },
      file('upload', 'tree/a b', '0644', 'hello'),
      file('upload', 'tree/empty', '0600', ''),
      file('upload', 'c', '0640', 'x'),
    ]);
  }
});

t.test('the host sends', async t => {
  const { reader, events } = listening('host');
  reader.fromClient(Buffer.from('\0'));
  reader.fromHost(Buffer.from('C0644 5 a\n'));
  reader.fromClient(Buffer.from('\0'));
  reader.fromHost(Buffer.from('hello\0\x01scp: b: No such file or directory\n'));
  t.strictSame(events, [
    file('download', 'a', '0644', 'hello'),
    { event: 'complaint', by: 'host', text: 'scp: b: No such file or directory' },
  ]);
});

t.test('a file or directory that is refused before it begins', async t => {
  const { reader, events } = listening('client');
  const [client, host] = [
    (text: string) => reader.fromClient(Buffer.from(text)),
    (text: string) => reader.fromHost(Buffer.from(text)),
  ];
  host('\0');
  client('C0644 5 a\n');
  host('\x01scp: a: Permission denied\n');
  client('D0755 0 no\n');
  host('\x01scp: no: Not a directory\n');
  t.equal(client('C0644 2 b\n'), undefined, 'the sender goes on with the next');
  host('\0');
  t.equal(client('hi\0'), undefined);
  t.match(events, [
    { event: 'complaint', by: 'host', text: 'scp: a: Permission denied' },
    { event: 'file', path: 'a', bytes: 0, status: 'refused' },
    { event: 'directory' },
    { event: 'complaint' },
    { event: 'file', path: 'b', bytes: 2, status: 'ok' },
  ]);
  t.notOk('sha256' in (events[1] ?? {}));
});

t.test('a file that breaks off', async t => {
  const { reader, events } = listening('client');
  reader.fromClient(Buffer.from('C0644 5 a\nhel'));
  reader.end();
  t.strictSame(events, [
    { event: 'file', path: 'a', direction: 'upload', mode: '0644', size: 5, bytes: 3, status: 'cut off' },
  ]);
});

t.test('what is not of the protocol is a fault', async t => {
  for (const [sent, fault] of [
    ['ls -l\n', /not of scp/],
    ['C0644 5 a/b\n', /not of scp/],
    ['C0644 x a\n', /not of scp/],
    ['C0999 5 a\n', /not of scp/],
    ['Cwhatever\n', /not of scp/],
    ['E\n', /leaves no directory/],
    ['\0', /behind no file/],
    ['C0644 2 a\nhiC0644 2 b\n', /without its mark/],
    ['C'.repeat(9000), /not of scp/],
    ['root@web1:~# ', /not of scp/],
    ['D0755 0 d\n'.repeat(1001), /too deep/],
  ] as const)
    t.match(listening('client').reader.fromClient(Buffer.from(sent)) ?? '', fault, sent.slice(0, 30));
  t.match(listening('client').reader.fromHost(Buffer.from('root@web1:~# ')) ?? '', /not of scp/);
});

function listening(sender: 'client' | 'host') {
  const events: Record<string, unknown>[] = [];
  return { events, reader: new ScpReader(sender, (event, facts) => events.push({ event, ...facts })) };
}

function feed(take: (data: Buffer) => string | undefined, text: string, size: number): string | undefined {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) {
    const fault = take(bytes.subarray(at, at + size));
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function file(direction: string, path: string, mode: string, text: string): object {
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { event: 'file', path, direction, mode, size: text.length, bytes: text.length, sha256, status: 'ok' };
}
