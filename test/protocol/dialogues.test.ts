import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import {
  decodeDaemonMessage,
  decodeDoorMessage,
  encodeDaemonMessage,
  encodeDoorMessage,
} from '../../src/protocol/codec.ts';
import { Exchange } from '../../src/protocol/states.ts';

const folder = new URL('../vectors/protocol/dialogues/', import.meta.url);
const files = readdirSync(folder);

t.ok(files.length > 40, 'the vectors are there');

for (const file of files) {
  const [title = '', ...steps] = readFileSync(new URL(file, folder), 'utf8').trimEnd().split('\n');
  t.test(`vector ${file}: ${title.slice(2)}`, async t => {
    const exchange = new Exchange();
    for (const step of steps) {
      const [direction, verdict, state, ...words] = step.split(' ');
      const text = words.join(' ');
      t.equal(direction === '>' ? fromDoor(exchange, text) : fromDaemon(exchange, text), verdict, step);
      t.equal(exchange.state, state, step);
    }
  });
}

function fromDoor(exchange: Exchange, text: string): string {
  const message = decodeDoorMessage(text);
  if (message === undefined) return 'refused';
  t.same(decodeDoorMessage(encodeDoorMessage(message).trimEnd()), message, 'encoded and decoded again');
  return exchange.fromDoor(message);
}

function fromDaemon(exchange: Exchange, text: string): string {
  const message = decodeDaemonMessage(text);
  if (message === undefined) return 'refused';
  t.same(decodeDaemonMessage(encodeDaemonMessage(message).trimEnd()), message, 'encoded and decoded again');
  return exchange.fromDaemon(message);
}
