import { format, inspect } from 'node:util';
import t from 'tap';
import { Secret } from '../../src/otp/secret.ts';

t.test('a secret shows itself to expose() and to nothing else', async t => {
  const secret = new Secret('hunter2');
  t.equal(secret.expose(), 'hunter2');
  t.equal(secret.length, 7);
  const shown = [
    String(secret),
    JSON.stringify({ secret }),
    inspect(secret, { showHidden: true, depth: 9 }),
    inspect({ nested: [secret] }, { depth: 9 }),
    format('%s %o %O %j', secret, secret, secret, secret),
    JSON.stringify(Object.entries(secret)),
  ];
  for (const text of shown) t.notMatch(text, /hunter2/);
});
