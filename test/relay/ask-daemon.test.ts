import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Conversation } from '../../src/auth/conversation.ts';
import { decodeDoorMessage, encodeDaemonMessage } from '../../src/protocol/codec.ts';
import { LineSplitter } from '../../src/protocol/line.ts';
import type { AttemptMessage, DaemonMessage, DecisionMessage, DoorMessage } from '../../src/protocol/messages.ts';
import { askDaemon, type Reply } from '../../src/relay/ask-daemon.ts';
import { tempDirectory } from '../daemon/temp-directory.ts';
import { ScriptedConversation, SilentConversation } from '../helpers/scripted-conversation.ts';

const attempt: AttemptMessage = {
  kind: 'attempt',
  version: '1',
  door: 'login',
  service: 'sshd',
  account: 'alice',
  interactive: true,
};

const allow: DecisionMessage = {
  kind: 'decision',
  verdict: 'allow',
  reason: 'totp',
  id: '01JD0000000000000000000000',
  text: '',
  exit: 0,
  pam: 'PAM_SUCCESS',
  motd: true,
  record: false,
  sftp: '',
};
const cancelled: DecisionMessage = {
  ...allow,
  verdict: 'deny',
  reason: 'cancelled',
  text: 'Login cancelled.',
  exit: 130,
  pam: 'PAM_ABORT',
  motd: false,
};

t.test('a dialogue is played and the decision comes back', async t => {
  const daemon = await fakeDaemon(t, async peer => {
    t.same(await peer.next(), attempt);
    peer.send({ kind: 'info', text: 'hello' }, { kind: 'prompt', id: 1, echo: true, text: 'Code: ' });
    t.same(await peer.next(), { kind: 'answer', id: 1, text: '123456' });
    peer.send({ kind: 'error', text: 'no' }, { kind: 'prompt', id: 2, echo: false, text: 'Code: ' });
    t.same(await peer.next(), { kind: 'answer', id: 2, text: '654321' });
    peer.send(allow);
  });
  const person = new ScriptedConversation('123456', '654321');
  t.same(await ask(daemon, person), { kind: 'decided', decision: allow });
  t.same(person.said, ['i hello', '? Code: ', '! no', '? Code: ']);
});

t.test('a question is taken back, and the next one comes only when the terminal is free', async t => {
  const daemon = await fakeDaemon(t, async peer => {
    await peer.next();
    peer.send(
      { kind: 'prompt', id: 1, echo: true, text: 'one' },
      { kind: 'withdraw', id: 1 },
      { kind: 'prompt', id: 2, echo: true, text: 'two' },
    );
    t.same(await peer.next(), { kind: 'answer', id: 2, text: 'yes' });
    peer.send(allow);
  });
  // ScriptedConversation throws if two questions are open at once.
  const person = new ScriptedConversation('yes');
  t.equal((await ask(daemon, person)).kind, 'decided');
  t.same(person.said, ['? two'], 'a question that is gone before it is asked is not asked');
});

t.test('a decision takes an open question back', async t => {
  const daemon = await fakeDaemon(t, async peer => {
    await peer.next();
    peer.send({ kind: 'prompt', id: 1, echo: true, text: 'Push sent.' });
    await person.asked;
    peer.send(allow);
  });
  const person = new WaitingPerson();
  t.equal((await ask(daemon, person)).kind, 'decided');
  t.equal(person.open, 0, 'the terminal is as it was');
});

t.test(
  'the reply comes when the terminal is as it was, however long that takes, and the connection is closed',
  async t => {
    const closed = Promise.withResolvers<void>();
    const daemon = await fakeDaemon(t, async peer => {
      await peer.next();
      peer.send({ kind: 'prompt', id: 1, echo: true, text: 'Push sent.' });
      await person.asked;
      peer.send(allow);
      await peer.closed;
      closed.resolve();
    });
    const person = new WaitingPerson(3);
    t.equal((await ask(daemon, person)).kind, 'decided');
    t.equal(person.open, 0);
    await closed.promise;
  },
);

t.test('a dialogue may have a thousand messages', async t => {
  const daemon = await fakeDaemon(t, async peer => {
    await peer.next();
    for (let i = 0; i < 999; i++) peer.send({ kind: 'info', text: 'more' });
    peer.send(allow);
  });
  t.same(await ask(daemon, new SilentConversation()), { kind: 'decided', decision: allow });
});

t.test('nobody to ask is said to the daemon', async t => {
  const daemon = await fakeDaemon(t, async peer => {
    await peer.next();
    peer.send({ kind: 'prompt', id: 1, echo: true, text: 'Code: ' });
    t.same(await peer.next(), { kind: 'unable', id: 1 });
    peer.send(allow);
  });
  t.equal((await ask(daemon, new SilentConversation())).kind, 'decided');
});

t.test('a person who gives up cancels the login, and hears the daemon say so', async t => {
  const daemon = await fakeDaemon(t, async peer => {
    await peer.next();
    peer.send({ kind: 'prompt', id: 1, echo: true, text: 'Code: ' });
    t.same(await peer.next(), { kind: 'cancel' });
    peer.send(cancelled);
  });
  t.same(await ask(daemon, new ScriptedConversation({ cancel: true })), { kind: 'decided', decision: cancelled });
});

for (const reason of ['cancelled', 'disconnected'] as const)
  t.test(`a signal (${reason}) cancels the login even if the daemon never answers`, async t => {
    const daemon = await fakeDaemon(t, async peer => {
      await peer.next();
      peer.send({ kind: 'prompt', id: 1, echo: true, text: 'Code: ' });
      await person.asked;
      interruption.abort(reason);
      t.same(await peer.next(), { kind: 'cancel' });
    });
    const interruption = new AbortController();
    const person = new WaitingPerson();
    const reply = await ask(daemon, person, { signal: interruption.signal });
    const decision = { verdict: 'deny', reason, exit: 130, pam: 'PAM_ABORT', motd: false, record: false, sftp: '' };
    t.match(reply, { kind: 'decided', decision });
    t.equal(person.open, 0);
  });

t.test('a person who gives up is not kept by a daemon that never answers', async t => {
  const daemon = await fakeDaemon(t, async peer => {
    await peer.next();
    peer.send({ kind: 'prompt', id: 1, echo: true, text: 'Code: ' });
  });
  const reply = await ask(daemon, new ScriptedConversation({ cancel: true }), { deadlineMs: 10_000 });
  t.match(reply, { kind: 'decided', decision: { verdict: 'deny', reason: 'cancelled', exit: 130 } });
});

t.test('who is gone, or gives up a second time, waits for no farewell of the daemon', async t => {
  const deadlineMs = 900; // a farewell takes a second
  const daemon = await fakeDaemon(t, async peer => {
    await peer.next();
    peer.send({ kind: 'prompt', id: 1, echo: true, text: 'Code: ' });
    await person.asked;
    gone.abort('disconnected');
  });
  const gone = new AbortController();
  const person = new WaitingPerson();
  t.match(await ask(daemon, person, { signal: gone.signal, deadlineMs }), { decision: { reason: 'disconnected' } });

  const again = new AbortController();
  const muteDaemon = await fakeDaemon(t, async peer => {
    await peer.next();
    peer.send({ kind: 'prompt', id: 1, echo: true, text: 'Code: ' });
    t.same(await peer.next(), { kind: 'cancel' });
    again.abort('cancelled');
  });
  const reply = await ask(muteDaemon, new ScriptedConversation({ cancel: true }), { signal: again.signal, deadlineMs });
  t.match(reply, { decision: { reason: 'cancelled' } });
});

t.test('a question that crosses with the giving up is not asked', async t => {
  const daemon = await fakeDaemon(t, async peer => {
    await peer.next();
    peer.send({ kind: 'prompt', id: 1, echo: true, text: 'one' });
    t.same(await peer.next(), { kind: 'cancel' });
    peer.send({ kind: 'info', text: 'late' }, { kind: 'prompt', id: 2, echo: true, text: 'two' }, cancelled);
  });
  const person = new ScriptedConversation({ cancel: true }, 'an answer to nobody');
  t.same(await ask(daemon, person), { kind: 'decided', decision: cancelled });
  t.same(person.said, ['? one']);
});

t.test('a signal that came before all else denies', async t => {
  const reply = await ask('/nowhere', new SilentConversation(), { signal: AbortSignal.abort('disconnected') });
  t.match(reply, { kind: 'decided', decision: { verdict: 'deny', reason: 'disconnected' } });
});

t.test('whatever else goes wrong is unavailable', async t => {
  const cases: Record<string, (peer: Peer) => Promise<void>> = {
    'closes at once': async peer => peer.close(),
    'closes after the attempt': async peer => {
      await peer.next();
      peer.close();
    },
    'closes in the middle of the dialogue': async peer => {
      await peer.next();
      peer.send({ kind: 'info', text: 'wait' });
      peer.close();
    },
    'closes in the middle of the decision': async peer => {
      await peer.next();
      peer.raw(encodeDaemonMessage(allow).trimEnd());
      peer.close();
    },
    'speaks HTTP': async peer => peer.raw('HTTP/1.1 200 OK\r\n\r\n'),
    'never ends a line': async peer => peer.raw('a'.repeat(10_000_000)),
    'says an unknown verb': async peer => peer.raw('success\n'),
    'asks before it is asked': async peer => {
      await peer.next();
      peer.send({ kind: 'recorded' });
    },
    'contradicts itself': async peer => {
      await peer.next();
      peer.send({ ...allow, exit: 77 });
    },
    'talks without end': async peer => {
      await peer.next();
      for (let i = 0; i < 1001; i++) peer.send({ kind: 'info', text: 'more' });
    },
    'says nothing at all': async () => {},
  };
  for (const [title, behaviour] of Object.entries(cases))
    t.test(`the daemon ${title}`, async t => {
      const daemon = await fakeDaemon(t, behaviour);
      const deadlineMs = title === 'says nothing at all' ? 50 : 60_000;
      t.match(await ask(daemon, new SilentConversation(), { deadlineMs }), { kind: 'unavailable', detail: String });
    });

  t.test('there is no daemon', async t => {
    const path = join(tempDirectory(t), 'none.sock');
    t.match(await ask(path, new SilentConversation()), { kind: 'unavailable', detail: /ENOENT/ });
  });
  t.test('a path that no socket can have', async t => {
    t.match(await ask(`/${'x'.repeat(300)}`, new SilentConversation()), { kind: 'unavailable' });
  });
  t.test('a fact is too long to be said', async t => {
    const reply = await ask('/nowhere', new SilentConversation(), {
      attempt: { ...attempt, account: 'a'.repeat(1000) },
    });
    t.same(reply, { kind: 'unavailable', detail: 'account is too long' });
  });
});

t.test('a recorded session', async t => {
  const recorded = { ...allow, record: true };
  const opened = async (t: Test, behaviour: (peer: Peer) => Promise<void>) => {
    const daemon = await fakeDaemon(t, async peer => {
      await peer.next();
      peer.send(recorded);
      await behaviour(peer);
    });
    const reply = await ask(daemon, new SilentConversation());
    if (reply.kind !== 'decided' || reply.recording === undefined) throw new Error('no recording');
    return reply.recording;
  };

  t.test('each line is acknowledged, and several may be under way', async t => {
    const lines: (DoorMessage | undefined)[] = [];
    const recording = await opened(t, async peer => {
      for (let i = 0; i < 3; i++) {
        lines.push(await peer.next());
        peer.send({ kind: 'recorded' });
      }
      lines.push(await peer.next());
    });
    await recording.write('{"width":80}');
    await Promise.all([recording.write('[1,"o","a"]'), recording.write('[2,"o","b"]')]);
    recording.close();
    t.same(
      lines.map(line => line?.kind === 'record' && line.line),
      ['{"width":80}', '[1,"o","a"]', '[2,"o","b"]'],
    );
    await t.rejects(recording.write('[3,"o","c"]'), /closed/);
  });

  t.test('a daemon that goes away fails the write under way and all later ones', async t => {
    const recording = await opened(t, async peer => {
      await peer.next();
      peer.close();
    });
    await t.rejects(recording.write('{}'), /recording ended/);
    await t.rejects(recording.write('{}'), /recording ended/);
  });

  t.test('a daemon that talks nonsense fails the write', async t => {
    const recording = await opened(t, async peer => {
      await peer.next();
      peer.raw('yes\n');
    });
    await t.rejects(recording.write('{}'), /not understood/);
  });

  t.test('a line that is too long is refused here', async t => {
    const recording = await opened(t, async () => {});
    await t.rejects(recording.write('x'.repeat(2049)), RangeError);
    recording.close();
  });
});

async function ask(
  socket: string,
  conversation: Conversation,
  changes: { signal?: AbortSignal; deadlineMs?: number; attempt?: AttemptMessage } = {},
): Promise<Reply> {
  return await askDaemon({ socket, attempt, conversation, signal: new AbortController().signal, ...changes });
}

class WaitingPerson implements Conversation {
  readonly interactive = true;
  readonly canWithdraw = true;
  readonly answersOnce = false;
  readonly #asked = Promise.withResolvers<void>();
  readonly #turnsToClose: number;
  open = 0;

  /** @param turnsToClose how long it takes to take a question back */
  constructor(turnsToClose = 0) {
    this.#turnsToClose = turnsToClose;
  }

  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  async promptEchoOn(_text: string, withdraw?: AbortSignal) {
    this.open++;
    this.#asked.resolve();
    await new Promise(resolve => withdraw?.addEventListener('abort', resolve, { once: true }));
    for (let turns = 0; turns < this.#turnsToClose; turns++) await new Promise(setImmediate);
    this.open--;
    return { kind: 'withdrawn' } as const;
  }

  async promptEchoOff(text: string, withdraw?: AbortSignal) {
    return await this.promptEchoOn(text, withdraw);
  }

  textInfo(): void {}
  errorMsg(): void {}
}

/** The daemon's end of the connection, driven by a test. */
interface Peer {
  next(): Promise<DoorMessage | undefined>;
  send(...messages: DaemonMessage[]): void;
  raw(text: string): void;
  close(): void;
  readonly closed: Promise<void>;
}

async function fakeDaemon(t: Test, behaviour: (peer: Peer) => Promise<void>): Promise<string> {
  const path = join(tempDirectory(t), 'fake.sock');
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    void behaviour(peerOn(socket));
  });
  await new Promise<void>(resolve => server.listen(path, resolve));
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise(resolve => server.close(resolve));
  });
  return path;
}

function peerOn(socket: Socket): Peer {
  const lines = new LineSplitter();
  const arrived: string[] = [];
  let wake = (): void => {};
  socket.on('data', (chunk: Buffer) => {
    arrived.push(...lines.push(chunk).lines);
    wake();
  });
  return {
    async next() {
      while (arrived.length === 0)
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      return decodeDoorMessage(arrived.shift() ?? '');
    },
    send: (...messages) => void socket.write(messages.map(encodeDaemonMessage).join('')),
    raw: text => void socket.write(text),
    close: () => socket.end(),
    closed: new Promise(resolve => socket.once('close', () => resolve())),
  };
}
